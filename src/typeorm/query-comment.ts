import type { Want } from '../cluster/routing/want.js';

/**
 * The text with a comment behind it, as sqlcommenter writes them: whose query it is, and why it goes where it goes. What
 * begins and ends transactions, or sets something, stays as it is, and so does a text that has a comment.
 */
export function withComment(sql: string, { work, choice }: Want): string {
  if (!COMMENTABLE.test(sql) || HAS_COMMENT.test(sql)) return sql;
  const handler = work?.unit.handler;
  const facts = `${handler === undefined ? '' : `handler='${encode(handler)}',`}reason='${choice.reason}'`;
  const [text = sql] = sql.split(END);
  return `${text} /*${facts}*/`;
}

const COMMENTABLE = /^\s*(?:SELECT|INSERT|UPDATE|DELETE|MERGE|REPLACE|WITH|VALUES|TABLE|CALL)\b/i;
const HAS_COMMENT = /\/\*|--|#/;
const END = /\s*;?\s*$/;

/** Leaves nothing that could end the comment, or the value in it. */
function encode(value: string): string {
  return encodeURIComponent(value).replaceAll("'", '%27');
}
