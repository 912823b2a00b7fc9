// Builds the package as ES modules and as CommonJS, because Nest 12 is the one and Nest 11 the other. `--package` builds what
// is published: without comments in the code (the declarations keep theirs) and, since only what imports Nest must be there
// twice, with one CommonJS copy of all else, which both share. So an application that loads both has one state, too.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { loadWhenUsed } from './load-when-used.mjs';
import { shareCommonJs } from './share-common-js.mjs';

const FORMATS = [
  ['tsconfig.build.json', 'dist/esm', 'module'],
  ['tsconfig.cjs.json', 'dist/cjs', 'commonjs'],
];
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const isPackage = process.argv.includes('--package');

rmSync('dist', { recursive: true, force: true });
for (const [project, folder, type] of FORMATS) {
  compile(project, isPackage ? ['--emitDeclarationOnly', '--sourceMap', 'false'] : []);
  if (isPackage)
    compile(project, ['--noCheck', '--declaration', 'false', '--removeComments', '--sourceMap', 'false']);
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/package.json`, `${JSON.stringify({ type })}\n`);
}
if (isPackage) {
  shareCommonJs();
  loadWhenUsed('dist/cjs/engines/create-engine.js');
}

function compile(project, flags) {
  execFileSync(process.execPath, [tsc, '--project', project, ...flags], { stdio: 'inherit' });
}
