import { describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { allowConnecting, refuseConnecting } from './refuse-connecting.js';
import { drivers } from '../../engines/create-engine.js';
import { toDataSourceOptions } from '../to-data-source-options.js';

const given = {
  type: 'postgres',
  entities: [class Post {}],
  extra: { max: 2 },
  primary: { url: 'postgres://db-1/shop' },
  replicas: [{ url: 'postgres://db-2/shop' }],
};
const REFUSAL = {
  code: 'ERR_REPLICATED_INVALID_OPTIONS',
  message: expect.stringContaining('dataSourceFactory: (options, create) => create(options)'),
};

describe('options of which TypeORM cannot connect', () => {
  it.each([
    'aurora-mysql',
    'aurora-postgres',
    'better-sqlite3',
    'cockroachdb',
    'mariadb',
    'mongodb',
    'mssql',
    'mysql',
    'oracle',
    'postgres',
    'sap',
    'sqljs',
  ])('refuse for %s', async (type) => {
    const options = { type, database: ':memory:', primary: { host: 'db-1' }, replicas: [] };
    await expect(initialize(refuseConnecting(options))).rejects.toMatchObject(REFUSAL);
  });

  it("refuse with TypeORM's replication in place of primary", async () => {
    const { primary, replicas, ...others } = given;
    const options = refuseConnecting({ ...others, replication: { master: primary, slaves: replicas } });
    expect(options.replication.master.url).toBe('postgres://db-1/shop');
    await expect(initialize(options)).rejects.toMatchObject(REFUSAL);
  });

  it.each<[string, object]>([
    ['driver', { driver: { Pool: class {} } }],
    ['replication', { replication: { master: {}, slaves: [] } }],
  ])('refuse where a copy has a %s of its own', async (_key, own) => {
    await expect(initialize({ ...refuseConnecting(given), ...own })).rejects.toMatchObject(REFUSAL);
  });

  it('are no options of TypeORM as JSON either', async () => {
    const { entities: _entities, ...json } = JSON.parse(JSON.stringify(refuseConnecting(given)));
    await expect(initialize(json)).rejects.toThrow(TypeError);
  });

  it('can be read, printed and awaited', async () => {
    const { type, entities, extra, primary, replicas } = refuseConnecting(given);
    expect({ type, entities, extra, primary, replicas }).toEqual(given);
    expect(inspect(refuseConnecting(given), { depth: 5 })).toContain('postgres://db-1/shop');
    const { driver } = refuseConnecting(given) as { driver?: object };
    expect([String(driver), await driver]).toEqual([expect.stringContaining('create(options)'), driver]);
  });

  it.each<[string, (options: object) => object]>([
    ['themselves', (options) => options],
    ['a spread copy', (options) => ({ ...options })],
    ['a copy by Object.assign', (options) => Object.assign({}, options)],
  ])('are as given when allowed to connect: %s', (_which, copy) => {
    for (const original of [given, { ...given, driver: {}, replication: undefined }])
      expect(allowConnecting(copy(refuseConnecting(original)))).toEqual(original);
  });

  it('keep what a copy has set', () => {
    const own = { driver: {}, replication: { master: {}, slaves: [] }, logging: true };
    expect(allowConnecting({ ...refuseConnecting(given), ...own })).toEqual({ ...given, ...own });
  });

  it('are allowed to connect after JSON, which keeps no driver', () => {
    const { entities: _entities, ...others } = given;
    expect(allowConnecting(JSON.parse(JSON.stringify(refuseConnecting(others))))).toEqual(others);
  });

  it('can be made those of the primary', () => {
    expect(toDataSourceOptions(refuseConnecting(given), drivers)).toEqual(
      toDataSourceOptions(given, drivers),
    );
  });

  it('leave what is no object to the check of options', () => {
    expect(allowConnecting(undefined)).toBeUndefined();
  });
});

async function initialize(options: object): Promise<unknown> {
  return new DataSource(options as DataSourceOptions).initialize();
}
