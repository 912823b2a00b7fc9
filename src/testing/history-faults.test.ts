import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { FaultyCluster, FaultyNode } from './faulty-cluster.js';
import { checkHistory } from './history-checker.js';
import { cookieClients } from './history-clients.js';
import { replicaFaults } from './history-faults.js';
import { TestingError } from './testing-error.js';

/** No server: a node that writes down which verbs it was told, in the order of the whole cluster. */
class RecordingNode implements FaultyNode {
  readonly host = 'database.test';

  constructor(
    readonly name: string,
    readonly port: number,
    private readonly told: string[],
  ) {}

  pauseReplay = () => this.record('pauseReplay');
  resumeReplay = () => this.record('resumeReplay');
  setApplyDelay = (ms: number) => this.record(`setApplyDelay ${ms}`);
  start = () => this.record('start');
  stop = () => this.record('stop');
  kill = () => this.record('kill');
  restart = () => this.record('restart');
  freeze = () => this.record('freeze');
  thaw = () => this.record('thaw');
  follow = ({ host, port }: { host: string; port: number }) => this.record(`follow ${host}:${port}`);

  private async record(verb: string): Promise<void> {
    this.told.push(`${this.name} ${verb}`);
  }
}

function recordingCluster(replicas: number): { cluster: FaultyCluster; told: string[] } {
  const told: string[] = [];
  const [primary, ...others] = Array.from(
    { length: replicas + 1 },
    (_, index) => new RecordingNode(index === 0 ? 'main' : `copy-${index}`, 3300 + index, told),
  );
  return { cluster: { primary: primary as RecordingNode, replicas: others }, told };
}

describe('faults of the replicas of any cluster', () => {
  const servers: Server[] = [];
  afterEach(() => Promise.all(servers.splice(0).map((server) => server[Symbol.asyncDispose]())));

  /** Answers every request for a row with the same version, so that no promise is broken. */
  async function startRows(): Promise<string> {
    const server = createServer((_, response) => response.end('{"version":1}')).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it.each<[fault: string, inject: string, heal: string]>([
    ['copy-1 replay paused', 'pauseReplay', 'resumeReplay'],
    ['copy-1 replay delayed', 'setApplyDelay 150', 'setApplyDelay 0'],
    ['copy-1 killed', 'kill', 'start'],
    ['copy-1 restarted', 'restart', 'nothing'],
    ['copy-1 frozen', 'freeze', 'thaw'],
    ['copy-1 re-pointed', 'follow database.test:3302', 'follow database.test:3300'],
  ])('%s: injected by %s, healed by %s', async (name, inject, heal) => {
    const { cluster, told } = recordingCluster(2);
    const fault = replicaFaults(cluster).find((each) => each.name === name);
    await fault?.inject();
    expect(told).toEqual([`copy-1 ${inject}`]);
    await fault?.heal();
    expect(told[1] ?? 'copy-1 nothing').toBe(`copy-1 ${heal}`);
  });

  it('every replica has each of them, under a name of its own', () => {
    const names = replicaFaults(recordingCluster(3).cluster).map(({ name }) => name);
    expect([names.length, new Set(names).size]).toEqual([18, 18]);
  });

  it('a replica without another one keeps its primary', async () => {
    const { cluster, told } = recordingCluster(1);
    await replicaFaults(cluster).at(-1)?.inject();
    expect(told).toEqual([]);
  });

  it('the history checker injects and heals them, and counts them by name', async () => {
    const { cluster, told } = recordingCluster(2);
    const faults = replicaFaults(cluster).filter(({ name }) => name.endsWith('frozen'));
    const urls = [await startRows()];
    const report = await checkHistory({ urls, clients: [cookieClients()], faults, durationMs: 1_000 });
    const injected = told.filter((verb) => verb.endsWith('freeze'));
    expect(injected).not.toEqual([]);
    expect(told).toEqual(injected.flatMap((verb) => [verb, verb.replace('freeze', 'thaw')]));
    const counts = Object.values(report.faults).reduce((sum, count) => sum + count, 0);
    expect([counts, report.failures, report.violations]).toEqual([injected.length, 0, []]);
  });

  it('the history checker ends with what a verb rejects with', async () => {
    const { cluster } = recordingCluster(1);
    const [replica] = cluster.replicas as [RecordingNode];
    const error = new TestingError('ERR_TESTING_NODE_STATE', 'freeze: copy-1 is stopped, not running.');
    replica.freeze = () => Promise.reject(error);
    const faults = replicaFaults(cluster).filter(({ name }) => name.endsWith('frozen'));
    const checking = checkHistory({ urls: [await startRows()], clients: [cookieClients()], faults });
    await expect(checking).rejects.toBe(error);
  });
});
