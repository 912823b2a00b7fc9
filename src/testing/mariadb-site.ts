import { appendFile, chown, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { copyTree } from './copy-tree.js';
import { writeOwned } from './data-folder.js';
import { findMariadb, type MariadbBinaries } from './mariadb-binaries.js';
import { formatOptionFile } from './mariadb-settings.js';
import type { ClusterSite, LaunchOptions, ServerPlace, ServerRun } from './server-home.js';
import { ServerProcess } from './server-process.js';
import type { Settings } from './server-settings.js';
import { Workspace } from './workspace.js';

/** MariaDB servers as processes of this machine, in one temporary folder. */
export class MariadbSite implements ClusterSite {
  readonly proxyHost = '127.0.0.1';
  #lastServerId = 0;

  private constructor(
    readonly workspace: Workspace,
    readonly binaries: MariadbBinaries,
    readonly settings: Settings,
  ) {}

  /** `folder`: of the binaries, in place of those of the system. */
  static async open(folder: string | undefined, settings: Settings): Promise<MariadbSite> {
    const workspace = await Workspace.open('startMariadbCluster');
    try {
      const binaries = await findMariadb(folder ?? (process.env['MARIADB_BIN'] || undefined), workspace.user);
      return new MariadbSite(workspace, binaries, settings);
    } catch (error) {
      await workspace.watchdog.close();
      throw error;
    }
  }

  get description(): string {
    const { mariadbd, version } = this.binaries;
    return `MariaDB ${version} from ${mariadbd}, data in ${this.workspace.folder}`;
  }

  /** No two servers, and no two lives of one, have the same: each would skip what the other has written. */
  nextServerId(): number {
    return ++this.#lastServerId;
  }

  close(): Promise<void> {
    return this.workspace.watchdog.close();
  }
}

/** The place of one server: its data, its settings, its processes. */
export class MariadbHome implements ServerPlace {
  readonly host = '127.0.0.1';
  readonly folder: string;
  readonly #site: MariadbSite;
  readonly #settings: Settings;
  #firstStatements: readonly string[] | undefined;

  constructor(site: MariadbSite, name: string) {
    this.#site = site;
    this.folder = join(site.workspace.folder, name);
    const { share } = site.binaries;
    // A server that starts removes the temporary tables of others that have the same folder for them.
    const folders = { datadir: this.folder, tmpdir: this.folder };
    this.#settings = { ...folders, lc_messages_dir: share, ...site.settings };
  }

  /** Makes the data of a new server, in place of those that it had. */
  async create(): Promise<void> {
    this.#assignServerId();
    await rm(this.folder, { recursive: true, force: true });
    await mkdir(this.folder);
    const { workspace, binaries } = this.#site;
    if (workspace.user) await chown(this.folder, workspace.user.uid, workspace.user.gid);
    const script = `${this.folder}.sql`;
    await writeOwned(
      workspace,
      script,
      'CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\n',
    );
    for (const path of binaries.scripts) await appendFile(script, await readFile(path));
    await workspace.run(binaries.mariadbd, [await this.#writeOptions(), '--bootstrap'], script);
  }

  /** Copies the data of a server that has never run. */
  async clone(source: MariadbHome): Promise<void> {
    this.#assignServerId();
    await copyTree(source.folder, this.folder, { owner: this.#site.workspace.user });
  }

  /** Changes settings from the next start on. */
  configure(settings: Settings): void {
    Object.assign(this.#settings, settings);
  }

  /** What the server, which does not run, executes at its next start before it accepts connections. */
  beforeConnections(statements: readonly string[]): void {
    this.#firstStatements = statements;
  }

  findPort(choosePort: () => Promise<number>): Promise<number> {
    return choosePort();
  }

  async launch(options: LaunchOptions): Promise<ServerRun> {
    const { workspace, binaries } = this.#site;
    const args = [
      await this.#writeOptions(),
      `--port=${options.port}`,
      ...(await this.#writeFirstStatements()),
    ];
    const program = {
      command: binaries.mariadbd,
      args,
      folder: this.folder,
      phrases: { ready: /ready for connections/, portTaken: /Bind on TCP\/IP port/ },
      // It ends its clients whenever it stops; only a crash is no clean shutdown.
      stopSignals: { smart: 'SIGTERM', fast: 'SIGTERM', immediate: 'SIGKILL' } as const,
    };
    const run = await ServerProcess.launch(workspace, program, options);
    this.#firstStatements = undefined;
    return run;
  }

  #assignServerId(): void {
    this.configure({ server_id: this.#site.nextServerId() });
  }

  async #writeOptions(): Promise<string> {
    const path = `${this.folder}.cnf`;
    await writeOwned(this.#site.workspace, path, formatOptionFile(this.#settings));
    return `--defaults-file=${path}`;
  }

  async #writeFirstStatements(): Promise<string[]> {
    if (this.#firstStatements === undefined) return [];
    const path = `${this.folder}.init.sql`;
    await writeOwned(this.#site.workspace, path, `${this.#firstStatements.join(';\n')};\n`);
    return ['--skip-slave-start', `--init-file=${path}`];
  }
}
