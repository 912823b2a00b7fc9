import type { INestApplicationContext, LoggerService } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { Test } from '@nestjs/testing';
import { ConnectionSelector, ReplicatedModule, ReplicationCluster, type NodeState } from 'nestjs-replicated';
import { waitUntil } from 'nestjs-replicated/testing';
import type { DataSource } from 'typeorm';
import { QUICK } from '../faults/fault-app.js';
import { Note } from '../support/note.js';
import type { ScriptedServer } from './scripted-server.js';

/** An application over scripted servers, and what it has warned of from its start on. */
export class ScriptedApp {
  readonly warnings: string[];
  readonly cluster: ReplicationCluster;
  readonly dataSource: DataSource;
  private readonly selector: ConnectionSelector;

  private constructor(
    private readonly app: INestApplicationContext,
    warnings: string[],
  ) {
    this.warnings = warnings;
    this.cluster = app.get(ReplicationCluster);
    this.dataSource = app.get(getDataSourceToken());
    this.selector = app.get(ConnectionSelector);
  }

  static async open(
    [primary, ...replicas]: readonly ScriptedServer[],
    options: Readonly<Record<string, unknown>> = {},
  ): Promise<ScriptedApp> {
    const warnings: string[] = [];
    const quiet = (): void => undefined;
    const logger: LoggerService = {
      log: quiet,
      error: quiet,
      warn: (message: string) => void warnings.push(message),
    };
    const module = await Test.createTestingModule({
      imports: [
        ReplicatedModule.forRoot({
          type: 'mysql',
          entities: [Note],
          retryAttempts: 0,
          primary: { url: primary?.url },
          replicas: replicas.map(({ url }) => ({ url })),
          monitor: QUICK,
          ...options,
        } as never),
      ],
    })
      .setLogger(logger)
      .compile();
    await module.init();
    return new ScriptedApp(module, warnings);
  }

  /** Writes as a POST, and answers the client's token. */
  post(
    write: (dataSource: DataSource) => Promise<unknown> = (dataSource) =>
      dataSource.getRepository(Note).insert({ text: 'mine' }),
  ): Promise<string | undefined> {
    return this.selector.run({ intent: 'primary' }, async () => {
      await write(this.dataSource);
      return this.selector.token();
    });
  }

  /** Counts the client's rows as a GET, and answers the node besides. */
  get(token?: string, text = 'mine'): Promise<{ found: number; node: string | undefined }> {
    return this.selector.run({ intent: 'replica', ...(token !== undefined && { token }) }, async () => {
      const found = await this.dataSource.getRepository(Note).countBy({ text });
      return { found, node: this.selector.route?.node };
    });
  }

  readByWriting(): Promise<unknown> {
    const sql = `INSERT INTO note (text) VALUES ('by a GET')`;
    return this.selector.run({ intent: 'replica' }, () => this.dataSource.query(sql));
  }

  stateOf(name: string): NodeState | undefined {
    return this.cluster.nodes.find((node) => node.name === name)?.state;
  }

  detailOf(name: string): string | undefined {
    return this.cluster.nodes.find((node) => node.name === name)?.detail;
  }

  async until(name: string, state: NodeState): Promise<void> {
    await waitUntil(() => this.stateOf(name) === state, { message: `${name} to be ${state}` });
  }

  close(): Promise<void> {
    return this.app.close();
  }
}
