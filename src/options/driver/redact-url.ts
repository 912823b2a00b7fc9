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
