import type { Aside, ReachedAddress } from '../../pool/ask-aside.js';
import type { RunStatement } from '../../pool/typeorm-prober.js';
import { stateOf, type MysqlConnection } from '../connection.js';
import { compareServers, SERVER_SQL, serverIdOf } from '../server-sql.js';

/** Which server serves a connection, and by which number. */
interface Served {
  readonly serverId: string;
  readonly id: number;
}

/** Notes of a connection that reads what another one can do about it; numbers that a proxy has made up are of no use. */
export function noteBackend(connection: MysqlConnection, serverId: string | undefined, aside: Aside): void {
  const { threadId: id } = connection;
  if (serverId === undefined || id === null) return;
  const served = { serverId, id };
  stateOf(connection).backend = {
    serverId,
    isAtWork: async () =>
      (await aside.ask(reachedBy(connection), (run) => askWhetherAtWork(served, run))) ?? false,
    cancel: () => void aside.ask(reachedBy(connection), (run) => cancel(served, run)),
  };
}

/** The address at the other end of a connection. */
function reachedBy({ stream, config }: MysqlConnection): ReachedAddress | undefined {
  const { remoteAddress: host, remotePort: port } = stream;
  if (host !== undefined && port !== undefined) return { host, port };
  return config?.socketPath === undefined ? undefined : { path: config.socketPath };
}

/**
 * Whether the server is at work: it runs, and waits neither for a lock, which nobody may ever release, nor for its client,
 * which has heard nothing of it. Every role sees its own sessions. `undefined`: another server has answered.
 */
async function askWhetherAtWork({ serverId, id }: Served, run: RunStatement): Promise<boolean | undefined> {
  const [row = {}] = await run(`SELECT ${SERVER_SQL}, EXISTS (SELECT 1 FROM information_schema.PROCESSLIST
 WHERE ID = ${id} AND COMMAND IN ('Query', 'Execute', 'Fetch') AND NOT COALESCE(STATE, '') RLIKE '${WAITING}') AS at_work`);
  return isOf(serverId, row) ? Number(row['at_work']) > 0 : undefined;
}

/** What the server calls waiting, for others or for its client to take what it sends. */
const WAITING = '^waiting |lock|^writing to net$|^sending to client$';

/** To that server only: on another one, the number is somebody else's. */
async function cancel({ serverId, id }: Served, run: RunStatement): Promise<true | undefined> {
  const [row = {}] = await run(`SELECT ${SERVER_SQL}`);
  if (!isOf(serverId, row)) return undefined;
  await run(`KILL QUERY ${id}`);
  return true;
}

function isOf(serverId: string, row: Readonly<Record<string, unknown>>): boolean {
  const answered = serverIdOf(row);
  return answered !== undefined && compareServers(answered, serverId) === 'same';
}
