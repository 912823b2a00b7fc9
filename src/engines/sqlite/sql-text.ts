import type { TextTraits } from '../../engine.js';

const TRANSACTION = afterComments('begin|savepoint');
// A pragma that is given a value; `table_info(note)` and its kin are asked.
const SETTINGS = afterComments(String.raw`pragma\s+[\w."]+\s*(?==)|attach|detach|create\s+temp(?:orary)?`);
const ROLLBACK = afterComments('rollback');
const FIRST_WORDS = afterComments(String.raw`([a-z]+)(?:\s+(unique\s+index|table|view|trigger|index))?`);

function afterComments(words: string): RegExp {
  return new RegExp(String.raw`^(?:\s|--[^\n]*\n|/\*[^]*?\*/)*(?:${words})(?!\w)`, 'i');
}

const NO_TRAITS: TextTraits = { binds: undefined, takesLock: undefined, onlyBegins: false };
const BEGINS: TextTraits = { ...NO_TRAITS, binds: 'transaction' };
const BEGINS_ONLY: TextTraits = { ...BEGINS, onlyBegins: true };
const CHANGES_SETTINGS: TextTraits = { ...NO_TRAITS, binds: 'settings' };

export function traitsOf(sql: string): TextTraits {
  if (sql === 'BEGIN TRANSACTION') return BEGINS_ONLY;
  if (TRANSACTION.test(sql)) return BEGINS;
  return SETTINGS.test(sql) ? CHANGES_SETTINGS : NO_TRAITS;
}

/** Whether a text begins a transaction, which SQLite may count as writing. */
export function begins(sql: string): boolean {
  return TRANSACTION.test(sql);
}

/** Whether a text undoes a transaction, or a part of it. */
export function rollsBack(sql: string): boolean {
  return ROLLBACK.test(sql);
}

/** The kind of statement that a read-only session has refused: its first words, since SQLite does not say. */
export function refusedStatement(_error: unknown, sql: string): string {
  const [, first, second] = FIRST_WORDS.exec(sql) ?? [];
  if (first === undefined) return 'A statement';
  return [first, second].filter(Boolean).join(' ').toUpperCase();
}
