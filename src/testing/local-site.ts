import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { takeBaseBackup } from './base-backup.js';
import { copyTree } from './copy-tree.js';
import { createDataFolder, isReady, makeStandby, removeTraces } from './data-folder.js';
import { findBinaries, type PostgresBinaries } from './find-binaries.js';
import {
  LOG_PHRASES,
  STOP_SIGNALS,
  type BackupSource,
  type LaunchOptions,
  type ServerHome,
  type ServerRun,
  type Site,
} from './server-home.js';
import { ServerProcess } from './server-process.js';
import type { TcpAddress } from './tcp-proxy.js';
import { Workspace } from './workspace.js';

/** Servers as processes of this machine, in one temporary folder. */
export class LocalSite implements Site {
  readonly proxyHost = '127.0.0.1';

  private constructor(
    private readonly workspace: Workspace,
    private readonly binaries: PostgresBinaries,
  ) {}

  /** `folder`: of the binaries, in place of the embedded ones. */
  static async open(folder = process.env['POSTGRES_BIN'] || undefined): Promise<LocalSite> {
    const workspace = await Workspace.open('startPostgresCluster');
    try {
      const copyTo = join(workspace.folder, 'postgres');
      return new LocalSite(workspace, await findBinaries(folder, workspace.user, copyTo));
    } catch (error) {
      await workspace.watchdog.close();
      throw error;
    }
  }

  get description(): string {
    const { major, postgres } = this.binaries;
    return `PostgreSQL ${major} from ${postgres}, data in ${this.workspace.folder}`;
  }

  createHome(name: string): ServerHome {
    return new LocalHome(this.workspace, this.binaries, name);
  }

  close(): Promise<void> {
    return this.workspace.watchdog.close();
  }
}

class LocalHome implements ServerHome {
  readonly host = '127.0.0.1';

  constructor(
    private readonly workspace: Workspace,
    private readonly binaries: PostgresBinaries,
    private readonly name: string,
  ) {}

  get folder(): string {
    return join(this.workspace.folder, this.name);
  }

  create(options: Parameters<ServerHome['create']>[0]): Promise<void> {
    return createDataFolder(this.workspace, this.folder, { binaries: this.binaries, ...options });
  }

  clone(source: LocalHome): Promise<void> {
    return copyTree(source.folder, this.folder, { owner: this.workspace.user });
  }

  async backUp(source: BackupSource): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
    const { folder } = source.home as LocalHome;
    await takeBaseBackup(
      { folder, withConnection: source.withConnection.bind(source) },
      this.workspace,
      this.folder,
    );
  }

  makeStandby(upstream: TcpAddress, name: string): Promise<void> {
    return makeStandby(this.workspace, this.folder, { upstream, name });
  }

  reach(address: TcpAddress): TcpAddress {
    return address;
  }

  findPort(choosePort: () => Promise<number>): Promise<number> {
    return choosePort();
  }

  launch(options: LaunchOptions): Promise<ServerRun> {
    const { folder } = this;
    const program = {
      command: this.binaries.postgres,
      args: ['-D', folder, '-p', String(options.port)],
      folder,
      phrases: LOG_PHRASES,
      isReady: (pid: number) => isReady(folder, pid),
      stopSignals: STOP_SIGNALS,
      cleanUp: () => removeTraces(folder),
    };
    return ServerProcess.launch(this.workspace, program, options);
  }
}
