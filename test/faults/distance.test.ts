import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil, type PostgresCluster, type TcpProxy } from 'nestjs-replicated/testing';
import { startCluster } from '../support/database.js';
import { FaultApp, nodesBehind, QUICK } from './fault-app.js';

/** Connecting takes about eight round trips, so more than a probe that is answered may take. */
const ROUND_TRIP_MS = 80;

describe('servers far away', () => {
  let cluster: PostgresCluster;
  let proxies: TcpProxy[];
  let app: FaultApp | undefined;

  beforeAll(async () => {
    cluster = await startCluster({ replicas: 1 });
    proxies = await Promise.all(cluster.nodes.map((node) => node.proxy()));
    for (const proxy of proxies) proxy.delay(ROUND_TRIP_MS / 2);
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });
  afterAll(() => cluster?.stop());

  it('are in use from the start, and again after their connections were lost', async () => {
    app = await FaultApp.start({
      synchronize: true,
      ...nodesBehind(proxies, cluster),
      monitor: { ...QUICK, connectTimeoutMs: 5_000 },
    });
    expect(app.cluster.nodes.map(({ state }) => state)).toEqual(['usable', 'usable']);
    await app.write();
    await app.allServe();
    for (const proxy of proxies) proxy.resetConnections();
    await waitUntil(async () => (await app?.write()) !== undefined);
    await app.allUsable();
    await app.allServe();
  });
});
