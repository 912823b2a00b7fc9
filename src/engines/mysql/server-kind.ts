import { stateOf, type MysqlConnection, type Tracking } from './connection.js';

/** What stands behind a connection, as far as it decides what can be promised. */
export interface ServerKind {
  /** What its log numbers writes by; `'nothing'`: time has to serve. */
  readonly tracking: Tracking;
  /** Whether what its replicas have replayed can be compared with what it has written. */
  readonly hasPositions: boolean;
  /** Its nodes share their storage, and a view of its own tells who writes and who is late. */
  readonly isAurora?: boolean;
  /** What that means for clients, in a sentence for the operator. */
  readonly weakness: string | undefined;
}

const KIND_SQL = `SHOW GLOBAL VARIABLES WHERE Variable_name IN
 ('aurora_server_id', 'aurora_version', 'gtid_mode', 'log_bin', 'read_only', 'wsrep_on')`;
/** To the letter what ProxySQL answers itself. */
const COMMENT_SQL = 'select @@version_comment limit 1';

/** Asks what a server is. Whether it is MariaDB or MySQL is told by its handshake, not by TypeORM's `type`. */
export async function askKind(connection: MysqlConnection): Promise<ServerKind> {
  const [variables, [[comment = ''] = []]] = await Promise.all([
    askRows(connection, KIND_SQL),
    askRows(connection, COMMENT_SQL),
  ]);
  const known = variables.map(([name = '', value = '']) => [name.toLowerCase(), value] as const);
  const kind = kindOf(
    connection._handshakePacket?.serverVersion ?? '',
    new Map([...known, ['version_comment', comment]]),
  );
  const isUnheard = kind.tracking === 'mysql' && !stateOf(connection).showsGtids;
  return isUnheard ? { ...kind, tracking: 'nothing', weakness: timeServes(UNHEARD) } : kind;
}

function askRows(connection: MysqlConnection, sql: string): Promise<readonly (readonly string[])[]> {
  return new Promise((resolve, reject) => {
    connection.query({ sql, rowsAsArray: true }, (error: unknown, answer: unknown) =>
      error ? reject(error as Error) : resolve(answer as string[][]),
    );
  });
}

const UNHEARD =
  'mysql2 does not hand on the GTIDs that it tells: that takes mysql2 3.4.0, and autocommit in its session_track_system_variables';

/** `version`: of the handshake. */
export function kindOf(version: string, variables: ReadonlyMap<string, string>): ServerKind {
  const isOn = (name: string): boolean => /^(?:on|1)/i.test(variables.get(name) ?? '');
  const names = `${version} ${variables.get('version_comment') ?? ''}`;
  if (variables.has('aurora_server_id') || variables.has('aurora_version'))
    return { ...without('Aurora MySQL: its readers do not replay by GTID'), isAurora: true };
  if (/vitess|planetscale/i.test(names)) return without('Vitess: the positions of its shards are its own');
  if (/proxysql|maxscale/i.test(names))
    return without('A proxy stands behind its address, which chooses a server for each transaction');
  if (isOn('wsrep_on')) return without('Galera: every node can be written and numbers its own commits');
  if (!/mariadb/i.test(version))
    return isOn('gtid_mode')
      ? { tracking: 'mysql', hasPositions: true, weakness: undefined }
      : without('Its gtid_mode is not ON: what it writes has no GTIDs');
  if (isOn('log_bin')) return { tracking: 'mariadb', hasPositions: true, weakness: undefined };
  // A replica without one knows all the same what it has replayed.
  const weakness = timeServes('It has no binary log (log_bin): what it writes has no GTIDs');
  return { tracking: 'nothing', hasPositions: true, weakness: isOn('read_only') ? undefined : weakness };
}

function without(why: string): ServerKind {
  return { tracking: 'nothing', hasPositions: false, weakness: timeServes(why) };
}

function timeServes(why: string): string {
  return `${why}, so after a write the client reads the primary for consistency.pinMs`;
}
