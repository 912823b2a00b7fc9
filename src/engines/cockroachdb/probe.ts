import type { ProbeAnswer } from '../../connector.js';
import { messageOf } from '../../message-of.js';
import { refusesToTell } from '../pg/failure.js';
import type { PgServer, Probing } from '../pg/pg-server.js';

/** How old follower reads are at the moment, which the settings of the cluster say. */
const AGE_SQL = 'SELECT extract(epoch FROM now() - follower_read_timestamp()) * 1000 AS age_ms';

/** By how much the clocks of its nodes may differ, unless `--max-offset` says otherwise. */
const CLOCKS_MS = 500;

const DEFAULTS_SQL = `SELECT ${[
  'TimeZone',
  'DateStyle',
  'IntervalStyle',
  'bytea_output',
  'extra_float_digits',
  'search_path',
]
  .map((name) => `current_setting('${name}') AS "${name}"`)
  .join(', ')}`;

/** Any node answers for all of them. */
export const createProbe: PgServer['createProbe'] = ({ onWeakness, onDefaults }): Probing => ({
  async learn(run) {
    onWeakness(NO_POSITIONS);
    onDefaults((await run(DEFAULTS_SQL))[0] ?? {});
  },
  async probe(run) {
    const [row] = await run(AGE_SQL);
    return answerWith(Number(row?.['age_ms']));
  },
  async probeRole(run) {
    await run('SELECT 1');
    return answerWith(NaN);
  },
  refusesToTell,
  onModest: (error) => onWeakness(`${NO_AGE}: ${messageOf(error)}`),
});

function answerWith(ageMs: number): ProbeAnswer {
  if (!(ageMs > 0)) return { role: 'unknown', stalenessMs: Infinity };
  return { role: 'unknown', lagMs: ageMs, stalenessMs: ageMs + CLOCKS_MS };
}

const NO_POSITIONS =
  'CockroachDB: its nodes tell no positions, so after a write the client reads the primary until follower reads, which are some seconds old, show what was then';
const NO_AGE =
  'It does not tell how old follower reads are (follower_read_timestamp), so that a client that has written reads the primary while its token lives';
