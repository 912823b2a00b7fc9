// Packs the package as npm would publish it and uses it as a user would: size, source maps, publint, attw, and in a fresh folder
// one small application per format and line of Nest and TypeORM, on this Node. `test-matrix.mjs` tries all combinations.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  checkInstalled,
  checkEntries,
  checkTarball,
  checkTypes,
  createUser,
  FORMATS,
  pack,
  run,
  runApplication,
} from './published-package.mjs';

const LINES = [
  { nest: '12', typeorm: '1' },
  { nest: '11', typeorm: '0.3' },
];

const folder = mkdtempSync(join(tmpdir(), 'nestjs-replicated-package-'));
try {
  const tarball = pack(folder);
  checkTarball(tarball);
  run('npx', ['publint', tarball]);
  // Nest 12 and its companions are ES modules only; that CommonJS users reach them by require(esm) is Node's doing.
  run('npx', ['attw', tarball, '--profile', 'strict', '--ignore-rules', 'cjs-resolves-to-esm']);
  for (const line of LINES) {
    const user = createUser(folder, line, tarball);
    checkInstalled(user);
    for (const format of FORMATS) {
      console.log(`\n# Nest ${line.nest}, TypeORM ${line.typeorm}, ${format}`);
      runApplication(user, format);
    }
    console.log(`\n# Nest ${line.nest}, TypeORM ${line.typeorm}, types`);
    checkTypes(user);
    checkEntries(user);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
