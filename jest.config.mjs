import swcOptions from './scripts/swc-options.mjs';

/** What all projects have in common. */
export const common = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/test', '<rootDir>/sample-app'],
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/sample-app/dist'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^nestjs-replicated$': '<rootDir>/src/index.ts',
    '^nestjs-replicated/(\\w+)$': '<rootDir>/src/$1/index.ts',
    '^@fastify/static$': '<rootDir>/test/entry-points/no-static-files.cjs',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: { '^.+\\.ts$': ['@swc/jest', swcOptions] },
};

/** Those of the files under `test` that need no database. */
const WITHOUT_DATABASE = [
  'test/bench/judge-fault.test.ts',
  'test/membership/discover-by-dns.test.ts',
  'test/observability/troubleshooting.test.ts',
  'test/readme/named-files.test.ts',
  'test/testing/tcp-proxy.test.ts',
];
const FAULTS = [
  'test/faults/**/*.test.ts',
  'test/consistency/history.test.ts',
  'test/membership/{discovery,membership}.test.ts',
  'test/mysql/failover.test.ts',
];
/** What is packed, measured or started as a whole. */
const PACKAGE = [
  'test/package/**/*.test.ts',
  'test/examples/**/*.test.ts',
  'test/readme/snippets.test.ts',
  'test/bench/harness.test.ts',
  'test/sample-app/{browser,npm-start}.test.ts',
  'test/testing/{binaries,clean-up,mariadb-binaries}.test.ts',
  'test/typeorm/short-lived.test.ts',
];
const OTHERS = [...WITHOUT_DATABASE, ...FAULTS, ...PACKAGE];

const here = (glob) => `${import.meta.dirname}/${glob}`;
const project = (displayName, globs, except = []) => ({
  ...common,
  displayName,
  testMatch: [...globs.map(here), ...except.map((glob) => `!${here(glob)}`)],
});

export default {
  projects: [
    project('unit', ['src/**/*.test.ts', ...WITHOUT_DATABASE]),
    {
      ...project('cluster', ['{test,sample-app}/**/*.test.ts'], OTHERS),
      testEnvironment: '<rootDir>/test/support/cluster-environment.mjs',
    },
    project('faults', FAULTS),
    project('package', PACKAGE),
  ],
  maxWorkers: 3, // they wait about as long as they work
  workerIdleMemoryLimit: '1GB', // what jest keeps of the modules of each file
  // A cluster of containers takes its time to start, and to be made again after a test of promotions.
  testTimeout: process.env['TEST_CLUSTER'] === 'testcontainers' ? 120_000 : 30_000,
};
