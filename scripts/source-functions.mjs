// The functions of `src` as people know them: names, lines, lengths.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';

/** What V8 calls to give the fields of an object their initial values. */
const FIELDS = '<instance_members_initializer>';

/**
 * The innermost function at a place (line and character from 0): `Class.method`, `outer > inner`, and its line from 1.
 * Initial values of fields are no call beside that of the constructor, where the class has one.
 */
export function describeFunctionAt(path, { line, character }, builtName) {
  const file = parse(path);
  const position = file.getPositionOfLineAndCharacter(line, character);
  if (builtName === FIELDS) {
    const owner = innermostAt(file, position, ts.isClassLike);
    const isCalled = !owner.members.some(ts.isConstructorDeclaration);
    return { name: `new ${classNameOf(owner)}`, line: lineOf(file, owner.getStart(file)), isCalled };
  }
  const node = innermostAt(file, position, ts.isFunctionLike);
  if (node === undefined) return { name: '(module)', line: 1, isCalled: true };
  return { name: nameOf(node), line: lineOf(file, node.getStart(file)), isCalled: true };
}

/** Functions longer than `lines`, tests left out: `[{ file, name, line, lines }]`, the longest first. */
export function functionsLongerThan(lines, folder = 'src') {
  const found = readdirSync(folder, { recursive: true })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .flatMap((path) => functionsOf(join(folder, path)));
  return found.filter((each) => each.lines > lines).sort((a, b) => b.lines - a.lines);
}

function functionsOf(path) {
  const file = parse(path);
  const found = [];
  const visit = (node) => {
    if (ts.isFunctionLike(node) && node.body !== undefined) {
      const line = lineOf(file, node.getStart(file));
      const lines = lineOf(file, node.end) - line + 1;
      found.push({ file: relative('src', path), name: nameOf(node), line, lines });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const files = new Map();

function parse(path) {
  if (!files.has(path)) {
    const text = readFileSync(path, 'utf8');
    files.set(path, ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true));
  }
  return files.get(path);
}

function innermostAt(file, position, isWanted) {
  let found;
  const visit = (node) => {
    if (position < node.getStart(file) || position >= node.end) return;
    if (isWanted(node)) found = node;
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

function nameOf(node) {
  const owner = ts.findAncestor(node.parent, (each) => ts.isFunctionLike(each) || ts.isClassLike(each));
  const own = ownName(node);
  if (owner === undefined) return own;
  if (!ts.isClassLike(owner)) return `${nameOf(owner)} > ${own}`;
  return ts.isConstructorDeclaration(node) ? `new ${classNameOf(owner)}` : `${classNameOf(owner)}.${own}`;
}

function classNameOf(node) {
  return node.name?.text ?? '(class)';
}

function ownName(node) {
  const named = node.name === undefined ? node.parent : node;
  const text = named.name?.getText() ?? '(callback)';
  if (ts.isGetAccessor(node)) return `get ${text}`;
  return ts.isSetAccessor(node) ? `set ${text}` : text;
}

function lineOf(file, position) {
  return file.getLineAndCharacterOfPosition(position).line + 1;
}
