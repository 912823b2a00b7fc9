// Runs the tests of all databases on MariaDB: those of its own, those that say by importing `test/support/database.ts` that they
// hold for every database, and those that have a part for it. Files that are named are run instead.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { argv, env, execPath, exit } from 'node:process';

/** They have no text of their own that a database would read. */
const OF_NO_DATABASE = [
  'test/entry-points/background.test.ts',
  'test/entry-points/bullmq.test.ts',
  'test/entry-points/federation.test.ts',
  'test/entry-points/graphql.test.ts',
  'test/entry-points/interceptor.test.ts',
  'test/entry-points/late-work.test.ts',
  'test/entry-points/messages.test.ts',
  'test/entry-points/sockets.test.ts',
  'test/neighbours/cache-manager.test.ts',
  'test/neighbours/config.test.ts',
  'test/neighbours/express-session.test.ts',
  'test/neighbours/terminus.test.ts',
  'test/neighbours/throttler.test.ts',
  'test/neighbours/transactions/callback.test.ts',
  'test/neighbours/transactions/nestjs-cls.test.ts',
  'test/neighbours/transactions/typeorm-transactional.test.ts',
  'test/nest/enhancers.test.ts',
  'test/nest/http-surfaces.test.ts',
  'test/nest/placed-handlers.test.ts',
  'test/nest/precedence.test.ts',
  'test/nest/rollout.test.ts',
  'test/nest/unavailable.test.ts',
  'test/nest/units.test.ts',
  'test/typeorm/or-primary-relations.test.ts',
];

const ofAllDatabases = () =>
  readdirSync('test', { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/${name}`)
    .filter((file) => /\/database\.js'|describeOn\('mariadb'/.test(readFileSync(file, 'utf8')));

const named = argv.slice(2);
const files = named.length > 0 ? named : ['test/mysql/', ...ofAllDatabases(), ...OF_NO_DATABASE];
const tests = spawn(execPath, ['scripts/test.mjs', 'unit', 'cluster', ...files], {
  stdio: 'inherit',
  env: { TEST_DATABASE: 'mariadb', ...env },
});
const [code] = await once(tests, 'exit');
exit(code ?? 1);
