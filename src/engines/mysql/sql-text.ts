import type { TextTraits } from '../../engine.js';

/** White space and comments, as they may stand before a statement; an executable comment is none. No text matches it in two ways. */
const COMMENTS = String.raw`(?:\s|--[^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|/\*(?!M?!)(?:[^*]|\*(?!/))*\*/)*`;

/** A pattern for the beginning of a statement, whatever comments come before it. */
function afterComments(pattern: string, { behindOthers = false } = {}): RegExp {
  return new RegExp(String.raw`${behindOthers ? '(?:^|;)' : '^'}${COMMENTS}(?:/\*M?!\d*\s*)?${pattern}`, 'i');
}

const SEVERAL = /;\s*\S/;

/** Whether a text holds more than one statement. */
export function hasSeveralStatements(text: string): boolean {
  return SEVERAL.test(text);
}

const TRANSACTION = afterComments(
  String.raw`(?:begin\b(?!\s+not\b)|start\s+transaction\b|xa\s+(?:start|begin)\b|set\s+(?:transaction\b|(?:session\s+|local\s+|@@(?:session\.|local\.)?)?autocommit\s*:?=\s*(?:0|off|false)\b))`,
  { behindOthers: true },
);
const SETTINGS = afterComments(
  String.raw`(?:set\s+(?!transaction\b|statement\b|global\b|password\b|default\s+role\b)|(?:prepare|use|handler|lock|flush\s+tables|declare|install)\b|create\s+(?:or\s+replace\s+)?temporary\b|drop\s+temporary\b|xa\b)`,
  { behindOthers: true },
);
/** Locks of a session by name, variables of a session that a SELECT assigns, and the id that `LAST_INSERT_ID(n)` sets. */
const SETTING_CALL = /\bget_lock\s*\(|@[\w$.`]+\s*:=|\binto\s+@|\blast_insert_id\s*\(\s*[^\s)]/i;
const GET_LOCK = /\bget_lock\s*\(/i;
const SHARED_LOCK = /\block\s+in\s+share\s+mode\b|\bfor\s+share\b/i;
const LOCK_TABLES = afterComments(String.raw`lock\s+(?:tables?|instance)\b`, { behindOthers: true });
/** What it reads is locked, and replay waits for it. */
const SERIALIZABLE = /\bisolation\s+level\s+serializable\b/i;
const SEQUENCE = /\b(?:nextval|setval)\s*\(|\bnext\s+value\s+for\b/i;

/** TypeORM sends the isolation level of a transaction by a text of its own, right before it begins it. */
const ISOLATION = /^SET TRANSACTION ISOLATION LEVEL [A-Z ]+$/;

const PLAIN: TextTraits = { binds: undefined, takesLock: undefined, onlyBegins: false };
const BEGINS: TextTraits = { binds: 'transaction', takesLock: undefined, onlyBegins: true };

/** What a text does to its session, for all that can be told from it. */
export function traitsOf(sql: string): TextTraits {
  if (isPlainRead(sql)) return PLAIN;
  if (sql === 'START TRANSACTION' || (ISOLATION.test(sql) && !SERIALIZABLE.test(sql))) return BEGINS;
  return { binds: bindingOf(sql), takesLock: lockOf(sql), onlyBegins: false };
}

const SUSPICIOUS = /lock|share|:=|into|insert_id|;/i;

/** On the way of every query: most are SELECTs that do nothing of the kind. */
function isPlainRead(sql: string): boolean {
  return sql.startsWith('SELECT ') && !SUSPICIOUS.test(sql);
}

function lockOf(sql: string): string | undefined {
  if (GET_LOCK.test(sql)) return 'An advisory lock';
  if (SHARED_LOCK.test(sql)) return 'SELECT FOR SHARE';
  if (SERIALIZABLE.test(sql)) return 'A SERIALIZABLE transaction';
  return LOCK_TABLES.test(sql) ? 'LOCK TABLES' : undefined;
}

function bindingOf(sql: string): TextTraits['binds'] {
  if (TRANSACTION.test(sql)) return 'transaction';
  return SETTINGS.test(sql) || SETTING_CALL.test(sql) ? 'settings' : undefined;
}

/** Whether a text takes locks by name, or numbers of a sequence, which the log may not show. */
export function mayWriteUntraced(sql: string): boolean {
  return GET_LOCK.test(sql) || SEQUENCE.test(sql);
}

const CALL = /([\w$.`]+)\s*\(/g;
// What may stand before a parenthesis and writes nothing: words of SQL, and the functions that builders are used with.
const HARMLESS_CALLS = new Set(
  (
    'select distinct from where and or not in any all some exists on using as over partition by having when then else case ' +
    'values union intersect except join left right lateral with recursive is between like rlike regexp row rows limit offset ' +
    'count sum avg min max coalesce ifnull nullif if isnull greatest least cast convert char varchar binary decimal signed unsigned ' +
    'lower upper length char_length trim ltrim rtrim concat concat_ws substring substr replace left right abs round floor ceil ceiling mod ' +
    'sleep now current_timestamp curdate curtime utc_timestamp date time year month day hour minute second date_format date_add date_sub datediff ' +
    'unix_timestamp from_unixtime group_concat json_extract json_unquote json_object json_array json_arrayagg json_objectagg json_contains ' +
    'row_number rank dense_rank version database schema user uuid hex unhex rand match against interval st_astext st_geomfromtext st_srid found_rows row_count last_insert_id'
  ).split(' '),
);

/** Whether a text calls a function that may write, for all that can be told from its name. */
function callsFunction(text: string): boolean {
  for (const [, name = ''] of text.matchAll(CALL)) if (!HARMLESS_CALLS.has(name.toLowerCase())) return true;
  return false;
}

const RETURNING = /\breturning\b/i;

/** Whether a text that was answered with rows may have written. */
export function mayWriteWithRows(text: string): boolean {
  return RETURNING.test(text) || SEQUENCE.test(text) || callsFunction(text);
}

const READING = afterComments(
  String.raw`(?:\(\s*)*(?:select|show|values|table|with|explain|describe|desc|analyze\s+(?:format|select)|set\b(?!\s+statement\b)|begin|start|savepoint|release|rollback|use|help|check|checksum|kill|lock|unlock|prepare|deallocate)\b`,
);

/** Whether a text, which was answered without rows, can be told from its first word to write nothing and to tell nothing of data. */
export function surelyReads(text: string): boolean {
  return READING.test(text) && !hasSeveralStatements(text);
}

const ENDS_TRANSACTION = /\b(?:commit|end)\b/i;
const PARTLY = afterComments(String.raw`(?:call|do|execute)\b`);

/** Whether a text may have committed a part of its work before it failed: several statements, procedures. */
export function mayCommitPartly(text: string): boolean {
  return PARTLY.test(text) || hasSeveralStatements(text);
}

const CHANGES_NO_SCHEMA = afterComments(
  String.raw`(?:insert|update|delete|replace|load|savepoint|release|rollback\s+to)\b`,
);

/** Whether a text may end a transaction with what was written in it: COMMIT, and what commits by itself, such as DDL. */
export function mayCommit(text: string): boolean {
  return ENDS_TRANSACTION.test(text) || (!surelyReads(text) && !CHANGES_NO_SCHEMA.test(text));
}

const COMMIT = afterComments(String.raw`(?:commit|xa\s+commit)\b`);

/** Whether a text ends a transaction and keeps what was written in it. */
export function isCommit(text: string): boolean {
  return COMMIT.test(text);
}

const ROLLBACK = afterComments(String.raw`rollback\b(?!\s+(?:work\s+)?to\b)`);

/** Whether a text undoes a transaction. */
export function rollsBack(text: string): boolean {
  return ROLLBACK.test(text);
}

const FIRST_WORDS = afterComments(
  String.raw`[\s(]*([a-z]+)(?:\s+(temporary\s+table|tables?|into|view|procedure|function|event|trigger|database|index))?`,
);

/** The kind of statement that a read-only session has refused: its first words, since the server does not say. */
export function refusedStatement(_error: unknown, sql: string): string {
  const [, first, second] = FIRST_WORDS.exec(sql) ?? [];
  const word = first?.toUpperCase();
  if (word === undefined) return 'A statement';
  if (word === 'SELECT' || word === 'WITH') return refusedSelect(sql);
  if (word === 'TRUNCATE') return 'TRUNCATE TABLE';
  return ['CREATE', 'DROP', 'ALTER', 'LOCK'].includes(word) && second
    ? `${word} ${second.toUpperCase()}`
    : word;
}

function refusedSelect(sql: string): string {
  if (/\bfor\s+update\b/i.test(sql)) return 'SELECT FOR UPDATE';
  return SEQUENCE.test(sql) ? 'nextval()' : 'A SELECT that writes';
}
