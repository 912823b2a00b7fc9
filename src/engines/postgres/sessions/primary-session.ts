import type { DriverOptions } from '../../../options/resolved-options.js';
import type { History } from '../../../position.js';
import { refusesToTell } from '../failure.js';
import { PROVEN, type PgClient } from '../internals.js';
import { timelineOf } from '../positions.js';
import { PRIMARY_TIMELINE_SQL } from '../server-identity.js';
import { TELLS_XACT_ID_SQL } from '../writes/xact-id.js';
import { withVerify } from './with-verify.js';

/** What makes a server the primary. */
export interface PrimaryTerms {
  /** A server that can be written on an older one is a former primary. */
  readonly newestHistory: () => History | undefined;
  /** Whether it has to be. @default always */
  readonly isPrimary?: () => boolean;
}

interface Proof {
  readonly in_recovery: boolean;
  readonly timeline?: number | null;
  readonly tells_xact_id?: boolean;
  readonly pid?: number;
}
type Answered = (error: Error | null, result?: { rows: Proof[] }) => void;

const PROOF_SQL = `SELECT pg_is_in_recovery() AS in_recovery, CASE WHEN NOT pg_is_in_recovery()
 THEN ${PRIMARY_TIMELINE_SQL} END AS timeline, ${TELLS_XACT_ID_SQL} AS tells_xact_id,
 pg_backend_pid() AS pid`;
const MODEST_PROOF_SQL = 'SELECT pg_is_in_recovery() AS in_recovery';

/**
 * Options for sessions of which every new connection proves that it has reached the primary, not a standby and not a
 * former primary: pg-pool calls `verify` for every connection that it has just opened, before anyone can use it.
 */
export function primarySession(
  options: DriverOptions,
  { newestHistory, isPrimary = () => true }: PrimaryTerms,
): DriverOptions {
  return withVerify<PgClient>(options, (client, done) => {
    if (!isPrimary()) return done();
    prove(client, (error, proof) => {
      if (proof) note(client, proof);
      done(error ?? findProblem(proof, newestHistory()));
    });
  });
}

/** A pooler makes up the number that it gives its clients. */
function note(client: PgClient, { tells_xact_id, pid }: Proof): void {
  const proven = { tellsXactId: tells_xact_id === true, isDirect: Number(pid) === client.processID };
  Object.defineProperty(client, PROVEN, { value: proven, configurable: true });
}

/** A server that will not tell its timeline is asked for its role only. */
function prove(client: PgClient, done: (error: Error | null, proof?: Proof) => void): void {
  const answered: Answered = (error, result) => {
    if (!error) return done(null, result?.rows[0]);
    if (!refusesToTell(error)) return done(error);
    const modestly: Answered = (problem, answer) => done(problem, answer?.rows[0]);
    client.query(MODEST_PROOF_SQL, modestly);
  };
  client.query(PROOF_SQL, answered);
}

function findProblem(proof: Proof | undefined, known: History | undefined): Error | undefined {
  if (proof?.in_recovery) return new NotThePrimaryError('in recovery: a standby');
  const timeline = proof?.timeline ?? undefined;
  if (timeline === undefined || known === undefined) return undefined;
  const newest = timelineOf(known);
  if (timeline >= newest) return undefined;
  return new NotThePrimaryError(`on timeline ${timeline}, but the cluster is on ${newest}: a former primary`);
}

/** A new connection to the primary has reached another server. Classified like a lost connection. */
class NotThePrimaryError extends Error {
  readonly code = 'ECONNREFUSED';
  constructor(found: string) {
    super(`The server at the address of the primary is ${found}. It is not used.`);
  }
}
