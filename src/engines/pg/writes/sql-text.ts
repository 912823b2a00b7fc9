/** White space and comments, as they may stand before a statement. No text matches it in two ways, which would take long. */
const COMMENTS = String.raw`(?:\s|--[^\n]*(?:\n|$)|/\*(?:[^*]|\*(?!/))*\*/)*`;

/** A pattern for the beginning of a statement, whatever comments come before it. */
export function afterComments(pattern: string, { behindOthers = false } = {}): RegExp {
  return new RegExp(`${behindOthers ? '(?:^|;)' : '^'}${COMMENTS}${pattern}`, 'i');
}

/** Whether a text holds more than one statement. */
export function hasSeveralStatements(text: string): boolean {
  return SEVERAL.test(text);
}

const SEVERAL = /;\s*\S/;
