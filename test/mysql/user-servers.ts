import { randomBytes } from 'node:crypto';
import mysql2, { type Connection, type RowDataPacket } from 'mysql2/promise';
import { waitUntil } from 'nestjs-replicated/testing';

/** Of an application: who may do everything would also write where `read_only` is set. */
interface Role {
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** A server that runs already, with the verbs of tests that need no process. */
class UserServer {
  private constructor(
    readonly url: string,
    private readonly connection: Connection,
  ) {}

  static async connect(url: string, { user, password, database }: Role): Promise<UserServer> {
    const ofRole = new URL(url);
    Object.assign(ofRole, { username: user, password, pathname: `/${database}` });
    return new UserServer(ofRole.href, await mysql2.createConnection(withoutDatabase(url)));
  }

  async query(sql: string): Promise<Record<string, unknown>[]> {
    const [rows] = await this.connection.query<RowDataPacket[]>(sql);
    return rows;
  }

  async pauseReplay(): Promise<void> {
    await this.query('STOP REPLICA SQL_THREAD');
  }

  async resumeReplay(): Promise<void> {
    await this.query('START REPLICA SQL_THREAD');
  }

  close(): Promise<void> {
    return this.connection.end();
  }
}

function withoutDatabase(url: string): string {
  const bare = new URL(url);
  bare.pathname = '/';
  return bare.href;
}

/**
 * A primary and its replicas that a user has: TEST_MYSQL_URLS names them, the primary first, separated by blanks, with a
 * user who may create databases and users, and stop replication. Each cluster is a database and a user of its own, which are
 * dropped at the end.
 */
export class UserServers {
  private marks = 0;

  private constructor(
    readonly primary: UserServer,
    readonly replicas: readonly UserServer[],
    private readonly role: Role,
  ) {}

  static async connect(urls: string, replicas = 1): Promise<UserServers> {
    const mark = randomBytes(6).toString('hex');
    const role = { user: `app_${mark}`, password: randomBytes(12).toString('hex'), database: `app_${mark}` };
    const { user, password, database } = role;
    const nodes = urls
      .trim()
      .split(/\s+/)
      .slice(0, replicas + 1);
    const [primary, ...others] = await Promise.all(nodes.map((url) => UserServer.connect(url, role)));
    if (!primary || others.length < replicas)
      throw new Error(`TEST_MYSQL_URLS names ${nodes.length} servers; this test needs ${replicas + 1}.`);
    const servers = new UserServers(primary, others, role);
    await primary.query(`CREATE DATABASE ${database}`);
    await primary.query(`CREATE USER ${user} IDENTIFIED BY '${password}'`);
    await primary.query(`GRANT ALL ON ${database}.* TO ${user}`);
    await primary.query(`CREATE TABLE ${database}.mark (id int PRIMARY KEY)`);
    await servers.waitForReplication();
    for (const node of servers.nodes) await node.query(`USE ${database}`);
    return servers;
  }

  get nodes(): readonly UserServer[] {
    return [this.primary, ...this.replicas];
  }

  async waitForReplication(): Promise<void> {
    const id = ++this.marks;
    const table = `${this.role.database}.mark`;
    await this.primary.query(`INSERT INTO ${table} VALUES (${id})`);
    const sql = `SELECT id FROM ${table} WHERE id = ${id}`;
    for (const replica of this.replicas) await waitUntil(async () => (await replica.query(sql)).length > 0);
  }

  async stop(): Promise<void> {
    await this.primary.query(`DROP DATABASE ${this.role.database}`);
    await this.primary.query(`DROP USER ${this.role.user}`);
    await Promise.all(this.nodes.map((node) => node.close()));
  }
}
