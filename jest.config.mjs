/** What all projects have in common, and Node without jest. */
export const common = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/test', '<rootDir>/sample-app'],
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/sample-app/dist'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^nestjs-replicated$': '<rootDir>/src/index.ts',
    '^nestjs-replicated/audit$': '<rootDir>/src/audit/index.ts',
    '^nestjs-replicated/graphql$': '<rootDir>/src/graphql/index.ts',
    '^nestjs-replicated/otel$': '<rootDir>/src/otel/index.ts',
    '^nestjs-replicated/terminus$': '<rootDir>/src/terminus/index.ts',
    '^nestjs-replicated/testing$': '<rootDir>/src/testing/index.ts',
    '^@fastify/static$': '<rootDir>/test/entry-points/no-static-files.cjs',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          target: 'es2022',
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
};

/** Those of the files under `test` that need no database. */
const WITHOUT_DATABASE = [
  'test/bench/judge-fault.test.ts',
  'test/observability/troubleshooting.test.ts',
  'test/readme/named-files.test.ts',
  'test/testing/tcp-proxy.test.ts',
];
const FAULTS = ['test/faults/**/*.test.ts', 'test/consistency/history.test.ts'];
/** What is packed, measured or started as a whole. */
const PACKAGE = [
  'test/package/**/*.test.ts',
  'test/bench/harness.test.ts',
  'test/sample-app/npm-start.test.ts',
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
    project('cluster', ['{test,sample-app}/**/*.test.ts'], OTHERS),
    project('faults', FAULTS),
    project('package', PACKAGE),
  ],
  maxWorkers: 2,
  // A cluster of containers takes its time to start, and to be made again after a test of promotions.
  testTimeout: process.env['TEST_CLUSTER'] === 'testcontainers' ? 120_000 : 30_000,
};
