import swcOptions from './scripts/swc-options.mjs';

export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/test', '<rootDir>/sample-app'],
  testMatch: ['**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/sample-app/dist'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^nestjs-replicated$': '<rootDir>/src/index.ts',
    '^nestjs-replicated/(\\w+)$': '<rootDir>/src/$1/index.ts',
    '^@fastify/static$': '<rootDir>/test/entry-points/no-static-files.cjs',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: { '^.+\\.ts$': ['@swc/jest', swcOptions] },
  maxWorkers: 2,
  // A cluster of containers takes its time to start, and to be made anew after a test of promotions.
  testTimeout: process.env['TEST_CLUSTER'] === 'testcontainers' ? 120_000 : 30_000,
};
