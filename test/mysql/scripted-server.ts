import { once, type EventEmitter } from 'node:events';
import type { AddressInfo } from 'node:net';
import mysql2 from 'mysql2';

/** As much of mysql2's server as is used here. */
interface Server {
  readonly _server: EventEmitter & { address(): AddressInfo };
  on(event: 'connection', listener: (connection: ServerConnection) => void): void;
  listen(port: number): void;
  close(done: () => void): void;
}

const createServer = mysql2.createServer as unknown as () => Server;

/** As much of a connection of mysql2's server as is used here. */
interface ServerConnection {
  serverHandshake(greeting: object): void;
  writeOk(ok?: object): void;
  writeError(error: { readonly code: number; readonly message: string }): void;
  writeTextResult(rows: readonly object[], columns: readonly object[]): void;
  writePacket(packet: unknown): void;
  on(event: string, listener: (...args: never[]) => void): void;
  readonly stream: { destroy(): void; setNoDelay(): void };
  sequenceId: number;
}

interface Session {
  readonly connection: ServerConnection;
  readonly id: number;
  isReadOnly: boolean;
  isOpen: boolean;
  tracksGtids: boolean;
  /** Rows of the open transaction. */
  written: string[];
}

/** What stands behind a scripted server; may be changed while it runs. */
export interface Script {
  /** Of the handshake. */
  version: string;
  uuid: string;
  serverId: number;
  isReadOnly: boolean;
  gtidMode: 'ON' | 'OFF';
  /** Answered to SHOW GLOBAL VARIABLES, beside the usual ones. */
  variables: Readonly<Record<string, string>>;
  /** `@@version_comment`: ProxySQL answers it itself. */
  comment: string;
  /** What the number of a connection differs by from what its server says: a proxy stands between. */
  hiddenBy: number;
  /** What `information_schema.replica_host_status` of Aurora says of the server. */
  aurora: { readonly session: string; readonly lagMs: number } | undefined;
  /** As the server tells which sessions it hands its GTIDs to; not at all before an older mysql2. */
  tellsOfAutocommit: boolean;
}

const PRESETS = {
  version: '8.4.6',
  isReadOnly: false,
  gtidMode: 'ON',
  variables: {},
  comment: 'MySQL Community Server - GPL',
  hiddenBy: 0,
  aurora: undefined,
  tellsOfAutocommit: true,
} as const;

let servers = 0;

/**
 * A server that answers as MySQL 8 does, as far as the library asks: the texts in which MariaDB would see something else
 * are read as MySQL reads them. It has one table, `note`, with one column, `text`, and replays when it is told to.
 */
export class ScriptedServer {
  script: Script;
  /** All texts that were sent to it, as MySQL reads them. */
  readonly heard: string[] = [];
  /** What it has: its rows by GTID. */
  log = new Map<string, readonly string[]>();
  private readonly sessions = new Set<Session>();
  private readonly startedAt = Math.floor(Date.now() / 1000) - 60;
  private connections = 0;

  private constructor(
    script: Partial<Script>,
    private readonly server: Server,
  ) {
    const serverId = ++servers;
    const uuid = `${String(serverId).padStart(8, '0')}-71ca-11e1-9e33-c80aa9429562`;
    this.script = { ...PRESETS, serverId, uuid, ...script };
  }

  static async start(script: Partial<Script> = {}): Promise<ScriptedServer> {
    const server = createServer();
    const scripted = new ScriptedServer(script, server);
    server.on('connection', (connection) => scripted.greet(connection));
    server.listen(0);
    await once(server._server, 'listening');
    return scripted;
  }

  get port(): number {
    return this.server._server.address().port;
  }

  get url(): string {
    return `mysql://app:secret@127.0.0.1:${this.port}/app`;
  }

  /** As `@@global.gtid_executed` is written. */
  get executed(): string {
    const bySource = new Map<string, number[]>();
    for (const gtid of this.log.keys()) {
      const [uuid = '', number] = gtid.split(':');
      bySource.set(uuid, [...(bySource.get(uuid) ?? []), Number(number)]);
    }
    return [...bySource].map(([uuid, numbers]) => [uuid, ...numbers].join(':')).join(',\n');
  }

  /** Writes, as another client would. */
  commit(...rows: readonly string[]): string {
    const { uuid } = this.script;
    const own = [...this.log.keys()].filter((gtid) => gtid.startsWith(uuid)).length;
    const gtid = `${uuid}:${own + 1}`;
    this.log.set(gtid, rows);
    return gtid;
  }

  /** Replays what another one has and this one has not. */
  replay(from: ScriptedServer): void {
    for (const [gtid, rows] of from.log) if (!this.log.has(gtid)) this.log.set(gtid, rows);
  }

  /** What stands behind its address now. */
  standIn(): Pick<ScriptedServer, 'script' | 'log'> {
    const { script, log } = this;
    return { script, log };
  }

  /** Another server stands behind its address from now on, as with a proxy or a name. */
  leadTo({ script, log }: Pick<ScriptedServer, 'script' | 'log'>): void {
    Object.assign(this, { script, log });
    this.cut();
  }

  private cut(): void {
    for (const { connection } of this.sessions) connection.stream.destroy();
    this.sessions.clear();
  }

  /** Ends all connections and refuses new ones. */
  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private greet(connection: ServerConnection): void {
    const id = ++this.connections;
    // An answer is several small packets: by Nagle's algorithm each would wait for a delayed acknowledgement.
    connection.stream.setNoDelay();
    const session: Session = {
      connection,
      id,
      isReadOnly: false,
      isOpen: false,
      tracksGtids: false,
      written: [],
    };
    this.sessions.add(session);
    const answer = (sql: string): void => {
      connection.sequenceId = 1; // what it answers with comes after what was asked
      this.answer(session, sql);
      connection.sequenceId = 0;
    };
    connection.on('query', answer);
    connection.on('ping', () => connection.writeOk());
    connection.on('stmt_prepare', answer); // which mysql2 takes a SET for
    connection.on('error', () => this.sessions.delete(session));
    connection.serverHandshake({
      protocolVersion: 10,
      serverVersion: this.script.version,
      connectionId: id + this.script.hiddenBy,
      statusFlags: AUTOCOMMIT,
      characterSet: 45,
      capabilityFlags: CAPABILITIES,
      authCallback: (_user: unknown, done: (error: null) => void) => {
        done(null);
        connection.sequenceId = 0;
      },
    });
  }

  private answer(session: Session, text: string): void {
    const sql = asMysqlReads(text);
    this.heard.push(sql);
    const words = sql.toUpperCase();
    if (words.startsWith('SELECT')) return this.select(session, sql);
    if (words.startsWith('SHOW')) return this.showVariables(session);
    if (words.startsWith('SET')) return this.set(session, words);
    if (words.startsWith('START TRANSACTION')) session.isOpen = true;
    else if (words === 'COMMIT') return this.end(session, session.written);
    else if (words === 'ROLLBACK') return this.end(session, []);
    else if (words.startsWith('INSERT')) return this.insert(session, sql);
    this.ok(session);
  }

  private insert(session: Session, sql: string): void {
    if (session.isReadOnly)
      return session.connection.writeError({
        code: 1792,
        message: 'Cannot execute statement in a READ ONLY transaction.',
      });
    if (this.script.isReadOnly) return session.connection.writeError(SUPER_READ_ONLY);
    const row = /'([^']*)'/.exec(sql)?.[1] ?? '';
    if (session.isOpen) {
      session.written.push(row);
      return this.ok(session, { affectedRows: 1 });
    }
    this.end(session, [row]);
  }

  private end(session: Session, rows: readonly string[]): void {
    if (rows.length > 0 && this.script.isReadOnly) return session.connection.writeError(SUPER_READ_ONLY);
    Object.assign(session, { isOpen: false, written: [] });
    const gtid = rows.length > 0 ? this.commit(...rows) : undefined;
    const isTold = session.tracksGtids && this.script.gtidMode === 'ON';
    this.ok(session, { affectedRows: rows.length, gtid: isTold ? gtid : undefined });
  }

  private set(session: Session, words: string): void {
    if (words.includes('TRANSACTION READ ONLY')) session.isReadOnly = true;
    if (/SESSION_TRACK_GTIDS *= *'OWN_GTID'/.test(words)) session.tracksGtids = true;
    const isAutocommit = words.includes('AUTOCOMMIT') && this.script.tellsOfAutocommit;
    this.ok(session, isAutocommit ? { variable: ['autocommit', 'ON'] } : {});
  }

  private showVariables({ connection }: Session): void {
    const { gtidMode, isReadOnly, variables } = this.script;
    const all = { gtid_mode: gtidMode, log_bin: 'ON', read_only: isReadOnly ? 'ON' : 'OFF', ...variables };
    const rows = Object.entries(all).map(([name, value]) => ({ Variable_name: name, Value: value }));
    connection.writeTextResult(rows, ['Variable_name', 'Value'].map(column));
  }

  private select(session: Session, sql: string): void {
    const counted = /COUNT\(.*?\).*?(?:= '([^']*)'|$)/is.exec(sql);
    if (counted) return this.tell(session, { cnt: this.countRows(counted[1]) });
    if (/version_comment/.test(sql)) return this.tell(session, { '@@version_comment': this.script.comment });
    if (/VERSION\(\)/i.test(sql)) return this.tell(session, { version: this.script.version });
    const names = [...sql.matchAll(/\bAS (\w+)/g)].map(([, name = '']) => name);
    const known = this.variablesOf(session);
    this.tell(session, Object.fromEntries(names.map((name) => [name, known[name] ?? null])));
  }

  private countRows(text: string | undefined): number {
    return [...this.log.values()].flat().filter((row) => text === undefined || row === text).length;
  }

  private variablesOf({ id }: Session): Readonly<Record<string, string | number | null>> {
    const { script, executed, port } = this;
    return {
      one: 1,
      read_only: script.isReadOnly ? 1 : 0,
      executed,
      head: executed,
      gtid_mode: script.gtidMode,
      server_id: script.serverId,
      server: `localhost:${port}:${script.serverId}:${script.uuid}`,
      started: this.startedAt,
      connection_id: id,
      session: script.aurora?.session ?? null,
      lag_ms: script.aurora?.lagMs ?? null,
    };
  }

  private tell({ connection }: Session, row: Readonly<Record<string, string | number | null>>): void {
    connection.writeTextResult([row], Object.keys(row).map(column));
  }

  private ok({ connection, isOpen }: Session, more: OkMore = {}): void {
    connection.writePacket(okPacket(isOpen ? AUTOCOMMIT | IN_TRANSACTION : AUTOCOMMIT, more));
  }
}

const IN_TRANSACTION = 1;
const AUTOCOMMIT = 2;
const SESSION_STATE_CHANGED = 0x4000;
/** LONG_PASSWORD, LONG_FLAG, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, SESSION_TRACK. */
const CAPABILITIES = 0x0080_a20d;

const SUPER_READ_ONLY = {
  code: 1290,
  message:
    'The MySQL server is running with the --super-read-only option so it cannot execute this statement',
};

/** What stands in comments for MariaDB is none of its business. */
function asMysqlReads(text: string): string {
  return text
    .replaceAll(/\/\*M![^]*?\*\//g, '')
    .replaceAll(/\/\*!\d{5}([^]*?)\*\//g, '$1')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

function column(name: string): object {
  return {
    catalog: 'def',
    schema: '',
    table: '',
    orgTable: '',
    name,
    orgName: name,
    characterSet: 45,
    columnLength: 1_024,
    columnType: 253,
    flags: 0,
    decimals: 0,
  };
}

interface OkMore {
  readonly affectedRows?: number;
  readonly gtid?: string | undefined;
  readonly variable?: readonly [name: string, value: string];
}

/** Written by hand: mysql2's own knows nothing of what a server tells of a session. */
function okPacket(status: number, { affectedRows = 0, gtid, variable }: OkMore): unknown {
  const changes: Buffer[] = [];
  if (variable) changes.push(change(0, Buffer.concat(variable.map(text))));
  if (gtid !== undefined) changes.push(change(3, Buffer.concat([Buffer.of(0), text(gtid)])));
  const head = Buffer.from([0, affectedRows, affectedRows, 0, 0, 0, 0]);
  head.writeUInt16LE(status | (changes.length > 0 ? SESSION_STATE_CHANGED : 0), 3);
  const session = Buffer.concat(changes);
  const tail = changes.length > 0 ? [text(''), Buffer.of(session.length), session] : [];
  const buffer = Buffer.concat([Buffer.alloc(4), head, ...tail]);
  const writeHeader = (sequence: number): void => {
    buffer.writeUIntLE(buffer.length - 4, 0, 3);
    buffer.writeUInt8(sequence, 3);
  };
  return { buffer, writeHeader, length: () => buffer.length };
}

function change(kind: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(kind, body.length), body]);
}

/** With its length before it, which is below 251. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.of(Buffer.byteLength(value)), Buffer.from(value)]);
}
