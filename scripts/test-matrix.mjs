// Tries the packed package in fresh applications with every supported combination of Nest, TypeORM, Node and module
// format, and checks its types with each pair of Nest and TypeORM. Prints a table and fails if one cell fails.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkTypes, createUser, FORMATS, pack, run, runApplication } from './published-package.mjs';

/** `@nestjs/typeorm` 10 takes no other TypeORM. */
const TYPEORM_OF_NEST = { 10: ['0.3'], 11: ['0.3', '1'], 12: ['0.3', '1'] };
const NODE = ['20', '22', '24'];

const folder = mkdtempSync(join(tmpdir(), 'nestjs-replicated-matrix-'));
try {
  const tarball = pack(folder);
  const nodes = NODE.map((major) => installNode(major));
  const rows = [];
  for (const [nest, typeorms] of Object.entries(TYPEORM_OF_NEST)) {
    for (const typeorm of typeorms) rows.push(...tryLine({ nest, typeorm }, { tarball, nodes }));
  }
  console.log('');
  console.table(Object.fromEntries(rows));
  if (rows.some(([, cells]) => Object.values(cells).includes('FAILED'))) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The binary of a Node line, which npm distributes, too. */
function installNode(major) {
  const cwd = join(folder, `node-${major}`);
  mkdirSync(cwd);
  const platform = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const flags = ['--prefix', cwd, '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  run('npm', ['install', ...flags, `binary@npm:node-${platform}@${major}`]);
  const path = join(cwd, 'node_modules/binary/bin/node');
  return { path, version: execFileSync(path, ['--version'], { encoding: 'utf8' }).trim() };
}

function tryLine(line, { tarball, nodes }) {
  const name = `Nest ${line.nest}, TypeORM ${line.typeorm}`;
  console.log(`\n# ${name}`);
  const user = createUser(folder, line, tarball);
  const applications = FORMATS.map((format) => [
    `${name}, ${format}`,
    Object.fromEntries(
      nodes.map(({ path, version }) => [
        `Node ${version}`,
        attempt(() => runApplication(user, format, path)),
      ]),
    ),
  ]);
  return [...applications, [`${name}, types`, { types: attempt(() => checkTypes(user)) }]];
}

function attempt(check) {
  try {
    check();
    return 'ok';
  } catch (error) {
    console.error(error.message);
    return 'FAILED';
  }
}
