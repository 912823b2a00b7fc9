import { afterComments, hasSeveralStatements } from './sql-text.js';

/** What an executed statement has done to the open transaction, or on its own. */
export type StatementEffect = 'reads' | 'may-write' | 'writes' | 'commits' | 'discards';

/** What is known of an executed statement. */
export interface ExecutedStatement {
  /** First word of the server's command tag. */
  readonly tag: string;
  /** What was sent; of several statements in one text, all of them. */
  readonly text: string;
  /** Whether it is not of a builder of TypeORM's. Then a view that it reads may call functions that write. */
  readonly isRaw: boolean;
}

// Statements that leave nothing a replica would have to replay, of a builder or not.
const HARMLESS = new Set(
  'SHOW SET RESET BEGIN START SAVEPOINT RELEASE CLOSE DECLARE DEALLOCATE DISCARD LISTEN UNLISTEN NOTIFY LOCK CHECKPOINT'.split(
    ' ',
  ),
);
// They read, or call functions that write.
const AMBIGUOUS = new Set(['SELECT', 'EXPLAIN', 'VALUES', 'TABLE', 'FETCH', 'MOVE']);
const WRITING_CTE = afterComments(String.raw`with\b[^]*\b(?:insert|update|delete|merge)\b`);
const MAY_PREPARE = new Set(['PREPARE', 'COMMIT', 'ROLLBACK']);
const PREPARED = /\b(prepare\s+transaction|(commit|rollback)\s+prepared)\b/i;
const OF_PREPARED: Readonly<Record<string, StatementEffect>> = { PREPARE: 'discards', COMMIT: 'writes' };
// Among several statements, too: the transaction goes on, with what it had written before.
const ROLLBACK_TO = /\brollback\s+((work|transaction)\s+)?to\b/i;

/** What a statement did, by what the server said it was. */
export function effectOf({ tag, text, isRaw }: ExecutedStatement): StatementEffect {
  // A prepared transaction leaves the session, and is committed there or elsewhere, much like one statement.
  if (MAY_PREPARE.has(tag) && PREPARED.test(text)) return OF_PREPARED[tag] ?? 'reads';
  if (tag === 'COMMIT') return 'commits';
  if (tag === 'ROLLBACK') return ROLLBACK_TO.test(text) ? 'reads' : 'discards';
  if (AMBIGUOUS.has(tag)) {
    if (WRITING_CTE.test(text)) return 'writes';
    return isRaw || callsFunction(text) ? 'may-write' : 'reads';
  }
  return tag === '' || tag === 'PREPARE' || HARMLESS.has(tag) ? 'reads' : 'writes';
}

const CALL = /([\w$."]+)\s*\(/g;
// What may stand before a parenthesis and writes nothing: words of SQL, and the functions that builders are used with.
const HARMLESS_CALLS = new Set(
  (
    'select distinct from where and or not in any all some exists on using as over filter within by having when then else case ' +
    'values union intersect except join lateral with recursive materialized is between like ilike array row limit offset group sets ' +
    'count sum avg min max coalesce nullif greatest least cast lower upper length trim concat concat_ws abs round floor ceil ' +
    'now date_trunc extract to_char to_timestamp array_agg string_agg json_agg jsonb_agg json_build_object jsonb_build_object ' +
    'row_number rank dense_rank numeric decimal varchar char character timestamp timestamptz time interval'
  ).split(' '),
);

/** Builders make the same texts again and again. */
const known = new Map<string, boolean>();
const MOST_KNOWN = 500;
const LONGEST_KNOWN = 4_000;

/** Whether a text calls a function that may write, for all that can be told from its name. */
export function callsFunction(text: string): boolean {
  let calls = known.get(text);
  if (calls === undefined) {
    calls = findCall(text);
    if (known.size >= MOST_KNOWN) known.clear();
    if (text.length <= LONGEST_KNOWN) known.set(text, calls);
  }
  return calls;
}

function findCall(text: string): boolean {
  for (const [, name = ''] of text.matchAll(CALL)) {
    if (!HARMLESS_CALLS.has(name.toLowerCase())) return true;
  }
  return false;
}

const ASKABLE = afterComments(String.raw`(?:\(\s*)*(?:select|with|values|table|explain)\b`);

/** Whether only the server, asked in the same transaction, can tell what a text did: one statement that may write. */
export function mayWriteUnseen(text: string, isRaw: boolean): boolean {
  if (!isRaw && !callsFunction(text)) return false;
  return ASKABLE.test(text) && !hasSeveralStatements(text) && !WRITING_CTE.test(text);
}

const WRITING = afterComments(String.raw`(?:insert|update|delete|merge)\b`);

/** Whether a text is one statement that writes rows, so that outside of a transaction its answer is that of its commit. */
export function writesAlone(text: string): boolean {
  return (WRITING.test(text) || WRITING_CTE.test(text)) && !hasSeveralStatements(text);
}

const COMMIT = /^\s*(commit|end)(\s+(work|transaction))?\s*;?\s*$/i;

/** Whether the text is a COMMIT and nothing else. */
export function isPlainCommit(text: string): boolean {
  return COMMIT.test(text);
}

const READING = afterComments(String.raw`(?:select|show|values|table|set|begin|start|fetch)\b`);
const PROCEDURE = afterComments(String.raw`(?:call|do)\b`);
/** CockroachDB commits when its savepoint of that name is released; COMMIT comes after that. */
const ENDS_TRANSACTION = /\b(commit|end|release\s+savepoint\s+cockroach_restart)\b/i;

/** Whether a text that reads nothing else can be told from its first word to leave nothing behind. */
export function surelyReads(text: string, isRaw: boolean): boolean {
  return !isRaw && READING.test(text) && !callsFunction(text);
}

/** Whether a text may have committed a part of its work before it failed: several statements, procedures. */
export function mayCommitPartly(text: string): boolean {
  return PROCEDURE.test(text) || (hasSeveralStatements(text) && endsTransaction(text));
}

/** Whether a text may end a transaction with what was written in it. */
export function endsTransaction(text: string): boolean {
  return ENDS_TRANSACTION.test(text);
}
