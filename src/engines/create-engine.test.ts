import { describe, expect, it } from '@jest/globals';
import type { DatabaseType } from 'typeorm';
import { InvalidOptionsError } from '../errors.js';
import { resolveOptions } from '../options/resolve-options.js';
import { createEngine, drivers } from './create-engine.js';
import { cockroachdb } from './cockroachdb/cockroachdb.js';
import { mysql } from './mysql/mysql.js';
import { postgres } from './postgres/postgres.js';
import { sqlite } from './sqlite/sqlite.js';
import { unrouted } from './unrouted.js';

const NODE = { host: 'db-1', port: 5432, database: 'app' };
const replicated = (type: string) => {
  const { replicas } = resolveOptions(
    { type: 'postgres', primary: NODE, replicas: [{ ...NODE, host: 'db-2' }] },
    drivers,
  );
  return { type, replicas };
};

function messageOf(act: () => unknown): string {
  try {
    act();
    return 'accepted';
  } catch (error) {
    if (!(error instanceof InvalidOptionsError)) throw error;
    return error.message;
  }
}

describe('the engine of a cluster', () => {
  it('is that of its database', () => {
    expect(createEngine(replicated('postgres'))).toBe(postgres);
    expect(createEngine({ type: 'postgres', replicas: [] })).toBe(postgres);
    expect(createEngine(replicated('mysql'))).toBe(mysql);
    expect(createEngine(replicated('mariadb'))).toBe(mysql);
    expect(createEngine(replicated('cockroachdb'))).toBe(cockroachdb);
    expect(createEngine(replicated('better-sqlite3'))).toBe(sqlite);
    expect(createEngine({ type: 'better-sqlite3', replicas: [] })).toBe(sqlite);
  });

  it.each(['mssql', 'sqljs', 'constructor'])('knows nothing of %s, without replicas', (type) => {
    expect(createEngine({ type, replicas: [] })).toBe(unrouted);
  });

  it.each<[DatabaseType | 'sqlite', string]>([
    ['mssql', 'SQL Server has not been run with replicas yet'],
    ['oracle', 'Oracle has not been run with replicas yet'],
    ['spanner', 'Spanner has not been run with replicas yet'],
    ['sap', 'SAP HANA has not been run with replicas yet'],
    ['sqlite', 'only better-sqlite3 has been run with replicas'],
    ['sqljs', 'only better-sqlite3 has been run with replicas'],
    ['mongodb', 'use its readPreference'],
    ['aurora-mysql', "connect to the cluster as type 'mysql'"],
    ['aurora-postgres', "connect to the cluster as type 'postgres'"],
  ])('says what stands in the way of replicas of %s', (type, why) => {
    expect(messageOf(() => createEngine(replicated(type)))).toContain(why);
    expect(createEngine({ type, replicas: [] })).toBe(unrouted);
  });

  it.each(['mssql', 'constructor'])('refuses replicas of %s in the words of the options', (type) => {
    const said = messageOf(() => createEngine(replicated(type)));
    expect(said).toContain(
      "only 'postgres', 'mysql', 'mariadb', 'cockroachdb', 'better-sqlite3' can have replicas for now",
    );
    const options = { type, primary: NODE, replicas: [{ ...NODE, host: 'db-2' }] };
    expect(messageOf(() => resolveOptions(options, drivers))).toContain(said.slice(said.indexOf('type:')));
  });
});

describe('without routing', () => {
  it('a token of another application passes through as it was', () => {
    const bytes = Buffer.from('000000030000000100ab0003', 'hex');
    const place = unrouted.positions.decode(bytes);
    expect(Buffer.from((place && unrouted.positions.encode(place)) ?? [])).toEqual(bytes);
  });
});
