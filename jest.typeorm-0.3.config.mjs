import base from './jest.config.mjs';

/** The same tests on the older line of TypeORM: `npm test -- --config jest.typeorm-0.3.config.mjs test/typeorm`. */
export default {
  ...base,
  moduleNameMapper: {
    '^typeorm$': '<rootDir>/node_modules/typeorm-0.3/index.js',
    '^typeorm/(.*)$': '<rootDir>/node_modules/typeorm-0.3/$1',
    ...base.moduleNameMapper,
  },
};
