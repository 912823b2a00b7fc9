export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/test', '<rootDir>/sample-app'],
  testMatch: ['**/*.test.ts'],
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
  maxWorkers: 2,
  // A cluster of containers takes its time to start, and to be made anew after a test of promotions.
  testTimeout: process.env['TEST_CLUSTER'] === 'testcontainers' ? 120_000 : 30_000,
};
