import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresCluster, PostgresNode } from 'nestjs-replicated/testing';
import { sqlOf, startCluster } from '../support/database.js';
import { SILENT } from '../support/open-app.js';
import { FaultApp } from './fault-app.js';

/** Of a replica: two names, and its value of the first. */
const SETTINGS = sqlOf<Record<string, string>>({
  postgres: { timezone: 'Asia/Tokyo', datestyle: 'German' },
  mariadb: { time_zone: '+05:00', sql_mode: 'ANSI' },
});
const TOLD = sqlOf({
  postgres: /TimeZone \('Asia\/Tokyo', there '.*'\), DateStyle \('German/,
  mariadb: /time_zone \('\+05:00', there '.*'\), sql_mode \('.*ANSI'/,
});

describe('servers whose sessions differ', () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await startCluster({ replicas: 2 });
    await (cluster.replicas[1] as PostgresNode).set(SETTINGS);
  });
  afterAll(() => cluster?.stop());

  /** What a start says. */
  const said = async (more: Partial<Parameters<typeof FaultApp.start>[0]> = {}): Promise<string[]> => {
    const lines: string[] = [];
    const warn = (line: string): void => void lines.push(line);
    const app = await FaultApp.start(
      {
        primary: { url: cluster.primary.url },
        replicas: cluster.replicas.map(({ url }) => ({ url })),
        ...more,
      },
      { ...SILENT, warn },
    );
    await app.close();
    return lines.filter((line) => line.includes('differ'));
  };

  it('are named at the start, with what differs, and are used', async () => {
    const [line, ...others] = await said();
    expect(others).toEqual([]);
    expect(line).toMatch(/^"replica-2": Its sessions differ from those of "primary" in /);
    expect(line).toMatch(TOLD);
  });

  it('are nothing to tell where the application sets sessions up', async () => {
    expect(await said({ onConnect: () => undefined })).toEqual([]);
  });
});
