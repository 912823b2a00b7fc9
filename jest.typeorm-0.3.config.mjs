import base, { common } from './jest.config.mjs';

const moduleNameMapper = {
  '^typeorm$': '<rootDir>/node_modules/typeorm-0.3/index.js',
  '^typeorm/(.*)$': '<rootDir>/node_modules/typeorm-0.3/$1',
  ...common.moduleNameMapper,
};

/** The same tests on the older line of TypeORM: `npm test -- --config jest.typeorm-0.3.config.mjs test/typeorm`. */
export default { ...base, projects: base.projects.map((project) => ({ ...project, moduleNameMapper })) };
