import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const IMPORT = /(\b(?:from |import |import\(|require\())['"](\.{1,2}\/[^'"]+)['"]/g;

/** Lets ES modules that stand on nothing of Nest be imported from the CommonJS build, and removes what no entry reaches. */
export function shareCommonJs() {
  for (const extension of ['.js', '.d.ts']) share(extension);
}

function share(extension) {
  const modules = readModules('dist/esm', extension);
  const own = modulesWithNest(modules, extension);
  for (const file of own) {
    const code = modules.get(file).replaceAll(IMPORT, (text, before, specifier) => {
      const target = targetOf(file, specifier, extension);
      if (own.has(target)) return text;
      const shared = target.replace(/^dist\/esm/, 'dist/cjs').replace(/(\.d)?\.ts$|\.js$/, '.js');
      return `${before}'./${relative(dirname(file), shared)}'`;
    });
    writeFileSync(file, code);
  }
  const reached = new Set();
  for (const folder of ['dist/esm', 'dist/cjs']) {
    for (const entry of entriesIn(folder, extension)) follow(entry, extension, reached);
    for (const file of readModules(folder, extension).keys()) if (!reached.has(file)) rmSync(file);
  }
}

/** The entries, and whatever imports Nest, directly or not. */
function modulesWithNest(modules, extension) {
  const isEntry = (file) => file.split('/').length <= 4 && /\/index\.(d\.ts|js)$/.test(file);
  const needsNest = new Set(
    [...modules.keys()].filter((file) => isEntry(file) || /from '@nestjs\//.test(modules.get(file))),
  );
  for (let size = -1; size !== needsNest.size;) {
    size = needsNest.size;
    for (const [file, code] of modules)
      if (specifiersOf(code).some((specifier) => needsNest.has(targetOf(file, specifier, extension))))
        needsNest.add(file);
  }
  return needsNest;
}

function follow(file, extension, reached) {
  if (reached.has(file)) return;
  reached.add(file);
  for (const specifier of specifiersOf(readFileSync(file, 'utf8')))
    follow(targetOf(file, specifier, extension), extension, reached);
}

function entriesIn(folder, extension) {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
  return Object.keys(exports)
    .filter((name) => !name.endsWith('.json'))
    .map((name) => join(folder, name, `index${extension}`));
}

function readModules(folder, extension) {
  const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(extension));
  return new Map(files.map((name) => [join(folder, name), readFileSync(join(folder, name), 'utf8')]));
}

function specifiersOf(code) {
  return [...code.matchAll(IMPORT)].map(([, , specifier]) => specifier);
}

function targetOf(file, specifier, extension) {
  return relative('.', resolve(dirname(file), specifier)).replace(/\.js$/, extension);
}
