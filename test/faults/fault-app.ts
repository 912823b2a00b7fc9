import { Test } from '@nestjs/testing';
import type { INestApplicationContext, LoggerService } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import {
  ConnectionSelector,
  ReplicatedModule,
  ReplicationCluster,
  type NodeState,
  type ReplicatedModuleOptions,
} from 'nestjs-replicated';
import { TYPE } from '../support/database.js';
import { Note } from '../support/note.js';
import { waitUntil, type PostgresCluster, type PostgresNode, type TcpProxy } from 'nestjs-replicated/testing';

/** Probes fast enough for tests: a fault is found within less than a second. */
export const QUICK = { intervalMs: 250, timeoutMs: 250, connectTimeoutMs: 1_000 } as const;

/** The longest time that a replica which has gone silent may hold a query up: an interval and two probes. */
export const QUICK_BOUND_MS = QUICK.intervalMs * 1.2 + 2 * QUICK.timeoutMs + 20;
/** What a busy machine may add; what hangs is not answered at all while its fault lasts. */
export const MACHINE_MS = 2_000;

/** An application with a routed DataSource, and what tests do with it. */
export class FaultApp {
  readonly dataSource: DataSource;
  readonly selector: ConnectionSelector;
  readonly cluster: ReplicationCluster;
  readonly routes: string[] = [];

  private constructor(private readonly app: INestApplicationContext) {
    this.dataSource = app.get<DataSource>(getDataSourceToken());
    this.selector = app.get(ConnectionSelector);
    this.cluster = app.get(ReplicationCluster);
  }

  /** `logger`: hears the start; nothing is logged afterwards. */
  static async start(
    options: Omit<ReplicatedModuleOptions, 'type' | 'entities'> & { readonly type?: string },
    logger?: LoggerService,
  ): Promise<FaultApp> {
    const builder = Test.createTestingModule({
      imports: [
        ReplicatedModule.forRoot({
          type: TYPE,
          entities: [Note],
          retryAttempts: 0,
          ...options,
          monitor: { ...QUICK, ...options.monitor },
        } as ReplicatedModuleOptions),
      ],
    });
    const module = await (logger ? builder.setLogger(logger) : builder).compile();
    module.useLogger(false);
    await module.init();
    return new FaultApp(module);
  }

  /** A request that reads. */
  read = (sql = 'SELECT count(*) FROM note'): Promise<unknown> =>
    this.selector.run({ intent: 'replica' }, () => this.dataSource.query(sql));

  /** A request that writes. */
  write = (text = 'x'): Promise<unknown> =>
    this.selector.run({ intent: 'primary' }, () => this.dataSource.getRepository(Note).insert({ text }));

  /** A request that reads, and the node that answered it. */
  readOn = (sql = 'SELECT count(*) FROM note'): Promise<string | undefined> =>
    this.selector.run({ intent: 'replica' }, async () => {
      await this.dataSource.query(sql);
      return this.selector.route?.node;
    });

  stateOf(node: string): NodeState | undefined {
    return this.cluster.nodes.find(({ name }) => name === node)?.state;
  }

  /** Resolves to the time in ms until the node is in one of the states. */
  async timeUntil(node: string, ...states: NodeState[]): Promise<number> {
    const startedAtMs = performance.now();
    await waitUntil(() => states.includes(this.stateOf(node) as NodeState), {
      timeoutMs: 25_000,
      intervalMs: 2,
      message: `${node} to be ${states.join(' or ')}`,
    });
    return performance.now() - startedAtMs;
  }

  /** Every replica serves: it is usable, and has what the primary had at start-up. */
  async allServe(): Promise<void> {
    await this.allUsable();
    const waiting = new Set(this.cluster.nodes.slice(1).map(({ name }) => name));
    await waitUntil(async () => {
      waiting.delete((await this.readOn()) ?? '');
      return waiting.size === 0;
    });
  }

  async allUsable(): Promise<void> {
    await waitUntil(() => this.cluster.nodes.every(({ state }) => state === 'usable'), {
      timeoutMs: 25_000,
      message: `all nodes to be usable`,
    });
  }

  close(): Promise<void> {
    return this.app.close();
  }
}

/** The nodes of a cluster as options, each reached by way of its proxy. */
export function nodesBehind(
  proxies: readonly TcpProxy[],
  { nodes }: PostgresCluster,
): { readonly primary: { readonly url: string }; readonly replicas: readonly { readonly url: string }[] } {
  const [primary, ...replicas] = proxies.map((proxy, index) => ({
    url: proxy.through((nodes[index] as PostgresNode).url),
  }));
  return { primary: primary as { url: string }, replicas };
}
