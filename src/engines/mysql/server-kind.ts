import type { MysqlConnection, Tracking } from './connection.js';

/** What stands behind a connection, as far as it decides what can be promised. */
export interface ServerKind {
  /** What its log numbers writes by; `'nothing'`: time has to serve. */
  readonly tracking: Tracking;
  /** Whether what its replicas have replayed can be compared with what it has written. */
  readonly hasPositions: boolean;
  /** What that means for clients, in a sentence for the operator. */
  readonly weakness: string | undefined;
}

const KIND_SQL = `SHOW GLOBAL VARIABLES WHERE Variable_name IN
 ('aurora_version', 'gtid_mode', 'log_bin', 'read_only', 'version_comment', 'wsrep_on')`;

/** Asks what a server is. Whether it is MariaDB or MySQL is told by its handshake, not by TypeORM's `type`. */
export async function askKind(connection: MysqlConnection): Promise<ServerKind> {
  const rows = await new Promise<unknown>((resolve, reject) => {
    connection.query({ sql: KIND_SQL, rowsAsArray: true }, (error: unknown, answer: unknown) =>
      error ? reject(error as Error) : resolve(answer),
    );
  });
  const variables = new Map(
    (rows as [string, string][]).map(([name, value]) => [name.toLowerCase(), value] as const),
  );
  return kindOf(versionOf(connection), variables);
}

function versionOf({ _handshakePacket: packet }: MysqlConnection): string {
  return packet?.serverVersion ?? '';
}

/** `version`: of the handshake. */
export function kindOf(version: string, variables: ReadonlyMap<string, string>): ServerKind {
  const isOn = (name: string): boolean => /^(?:on|1)/i.test(variables.get(name) ?? '');
  const comment = `${version} ${variables.get('version_comment') ?? ''}`;
  if (variables.has('aurora_version')) return without('Aurora MySQL: its readers do not replay by GTID');
  if (/vitess|planetscale/i.test(comment)) return without('Vitess: the positions of its shards are its own');
  if (/proxysql|maxscale/i.test(comment))
    return without('A proxy stands behind its address, which chooses a server for each transaction');
  if (isOn('wsrep_on')) return without('Galera: every node can be written and numbers its own commits');
  if (!/mariadb/i.test(version))
    return isOn('gtid_mode')
      ? { tracking: 'mysql', hasPositions: true, weakness: undefined }
      : without('Its gtid_mode is not ON: what it writes has no GTIDs');
  if (isOn('log_bin')) return { tracking: 'mariadb', hasPositions: true, weakness: undefined };
  // A replica without one knows all the same what it has replayed.
  const { weakness } = without('It has no binary log (log_bin): what it writes has no GTIDs');
  return { tracking: 'nothing', hasPositions: true, weakness: isOn('read_only') ? undefined : weakness };
}

function without(why: string): ServerKind {
  const weakness = `${why}, so after a write the client reads the primary for consistency.pinMs`;
  return { tracking: 'nothing', hasPositions: false, weakness };
}
