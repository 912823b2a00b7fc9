import { describe, expect, it } from '@jest/globals';
import { drivers } from '../engines/create-engine.js';
import { toDataSourceOptions } from './to-data-source-options.js';

describe("the options for TypeORM's own tools", () => {
  const given = {
    type: 'postgres',
    migrations: ['migrations/*.js'],
    extra: { max: 2 },
    primary: { url: 'postgres://db-1/shop' },
    replicas: [{ url: 'postgres://db-2/shop' }],
  };

  it('are plain options of the primary', () => {
    expect(toDataSourceOptions(given, drivers)).toEqual({
      type: 'postgres',
      migrations: ['migrations/*.js'],
      extra: { max: 2 },
      url: 'postgres://db-1/shop',
    });
  });

  it('may be changed', () => {
    const options = toDataSourceOptions(given, drivers);
    expect([Object.isFrozen(options), Object.isFrozen(options['extra'])]).toEqual([false, false]);
  });
});
