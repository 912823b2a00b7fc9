import { afterComments, hasSeveralStatements } from './sql-text.js';

/** What an executed statement has done to the open transaction, or on its own. */
export type StatementEffect = 'reads' | 'writes' | 'commits' | 'discards';

/** What is known of an executed statement. */
export interface ExecutedStatement {
  /** First word of the server's command tag. */
  readonly tag: string;
  /** What was sent; of several statements in one text, all of them. */
  readonly text: string;
  /** Whether the application wrote the text itself: it may call functions that write. */
  readonly isRaw: boolean;
}

// Statements that leave nothing a replica would have to replay, whoever sends them.
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
  if (AMBIGUOUS.has(tag)) return isRaw || WRITING_CTE.test(text) ? 'writes' : 'reads';
  return tag === '' || tag === 'PREPARE' || HARMLESS.has(tag) ? 'reads' : 'writes';
}

const COMMIT = /^\s*(commit|end)(\s+(work|transaction))?\s*;?\s*$/i;

/** Whether the text is a COMMIT and nothing else. */
export function isPlainCommit(text: string): boolean {
  return COMMIT.test(text);
}

const READING = afterComments(String.raw`(?:select|show|values|table|set|begin|start|fetch)\b`);
const PROCEDURE = afterComments(String.raw`(?:call|do)\b`);
const ENDS_TRANSACTION = /\b(commit|end)\b/i;

/** Whether a text that reads nothing else can be told from its first word to leave nothing behind. */
export function surelyReads(text: string, isRaw: boolean): boolean {
  return !isRaw && READING.test(text);
}

/** Whether a text may have committed a part of its work before it failed: several statements, procedures. */
export function mayCommitPartly(text: string): boolean {
  return PROCEDURE.test(text) || (hasSeveralStatements(text) && endsTransaction(text));
}

/** Whether a text may end a transaction with what was written in it. */
export function endsTransaction(text: string): boolean {
  return ENDS_TRANSACTION.test(text);
}
