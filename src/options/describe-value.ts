const LONGEST_SHOWN = 60;

/** A value as a message may show it: short, and without the password of a connection string. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'an empty string' : quote(redactUrl(value));
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return describeKind(value);
}

/** What sort of value it is, where even a short text may be a secret. */
export function describeKind(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function quote(text: string): string {
  return JSON.stringify(text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}...` : text);
}

/**
 * The text without the passwords of connection strings, for logs and messages. Redacts rather too much than too
 * little: a password may hold an `@` or a `/` that should have been percent-encoded.
 *
 * ```ts
 * redactUrl('postgres://u:secret@h/db'); // postgres://u:***@h/db
 * ```
 */
export function redactUrl(text: string): string {
  return text
    .replace(/(:\/\/[^:]*):.*@/s, '$1:***@')
    .replace(/((?:pass|pwd|secret|token|key)\w*\s*=\s*)[^&\s]+/gi, '$1***');
}
