import type { DriverOptions } from '../../../options/resolved-options.js';
import type { History } from '../../../position.js';
import { refusesToTell } from '../../pg/failure.js';
import type { PgClient, RawRow } from '../../pg/internals.js';
import type { PrimaryTerms } from '../../pg/pg-server.js';
import { noteProven } from '../../pg/writes/proven-primary.js';
import { SharedQuestion } from '../../pg/writes/shared-question.js';
import { withVerify } from '../../pg/sessions/with-verify.js';
import { timelineOf } from '../positions.js';
import { PRIMARY_TIMELINE_SQL, SERVER_ID_SQL } from '../server-identity.js';
import { TELLS_XACT_ID_SQL, XACT_ID_SQL } from '../writes/xact-id.js';

interface Proof {
  readonly in_recovery: boolean;
  readonly timeline?: number | null;
  readonly tells_xact_id?: boolean;
  readonly pid?: number;
  readonly server_id?: string;
}
type Answered = (error: Error | null, result?: { rows: Proof[] }) => void;

const PROOF_SQL = `SELECT pg_is_in_recovery() AS in_recovery, CASE WHEN NOT pg_is_in_recovery()
 THEN ${PRIMARY_TIMELINE_SQL} END AS timeline, ${TELLS_XACT_ID_SQL} AS tells_xact_id,
 pg_backend_pid() AS pid, ${SERVER_ID_SQL} AS server_id`;
const MODEST_PROOF_SQL = 'SELECT pg_is_in_recovery() AS in_recovery';

/**
 * Options for sessions of which every new connection proves that it has reached the primary, not a standby and not a
 * former primary: pg-pool calls `verify` for every connection that it has just opened, before anyone can use it.
 */
export function primarySession(
  options: DriverOptions,
  { newestHistory, isPrimary = () => true }: PrimaryTerms,
): DriverOptions {
  const questionOf = sharedByServer();
  return withVerify<PgClient>(options, (client, done) => {
    if (!isPrimary()) return done();
    const askedAtMs = performance.now();
    prove(client, (error, proof) => {
      if (proof) {
        const xactIdSql = proof.tells_xact_id === true ? XACT_ID_SQL : undefined;
        // A pooler makes up the number that it gives its clients.
        const isDirect = proof.pid !== undefined && Number(proof.pid) === client.processID;
        const shared = isDirect ? questionOf(proof.server_id) : undefined;
        shared?.noteRoundTrip(performance.now() - askedAtMs);
        noteProven(client, { xactIdSql, shared });
      }
      done(error ?? findProblem(proof, newestHistory()));
    });
  });
}

/** Those of one server in a row get the same. */
function sharedByServer(): (serverId: string | undefined) => SharedQuestion<RawRow | undefined> {
  let last:
    { readonly of: string | undefined; readonly question: SharedQuestion<RawRow | undefined> } | undefined;
  return (of) => (last?.of === of && last ? last : (last = { of, question: new SharedQuestion() })).question;
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
