import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { takeBaseBackup } from './base-backup.js';
import { copyTree } from './copy-tree.js';
import { createDataFolder, makeStandby } from './data-folder.js';
import { Postmaster } from './postmaster.js';
import type { BackupSource, LaunchOptions, ServerHome, ServerRun, Site } from './server-home.js';
import type { TcpAddress } from './tcp-proxy.js';
import { Workspace } from './workspace.js';

/** Servers as processes of this machine, in one temporary folder. */
export class LocalSite implements Site {
  readonly proxyHost = '127.0.0.1';

  private constructor(private readonly workspace: Workspace) {}

  static async open(binaries: string | undefined): Promise<LocalSite> {
    return new LocalSite(await Workspace.open(binaries));
  }

  get description(): string {
    const { binaries, folder } = this.workspace;
    return `PostgreSQL ${binaries.major} from ${binaries.postgres}, data in ${folder}`;
  }

  createHome(name: string): ServerHome {
    return new LocalHome(this.workspace, name);
  }

  close(): Promise<void> {
    return this.workspace.watchdog.close();
  }
}

class LocalHome implements ServerHome {
  readonly host = '127.0.0.1';

  constructor(
    private readonly workspace: Workspace,
    private readonly name: string,
  ) {}

  get folder(): string {
    return join(this.workspace.folder, this.name);
  }

  create(options: Parameters<ServerHome['create']>[0]): Promise<void> {
    return createDataFolder(this.workspace, this.folder, options);
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
    return Postmaster.launch(this.workspace, this.folder, options);
  }
}
