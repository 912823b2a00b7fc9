import { describeValue } from './describe-value.js';
import type { Findings } from './findings.js';

/** RFC 9110's token: names of methods, header fields and cookies. */
export const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** An HTTP method in upper case; `undefined`, and a finding, when it is none. */
export function readMethod(value: unknown, path: string, findings: Findings): string | undefined {
  const method = typeof value === 'string' && TOKEN.test(value) ? value.toUpperCase() : undefined;
  if (method === undefined)
    findings.add(path, `expected an HTTP method like 'GET', got ${describeValue(value)}.`);
  if (method !== '*' && method !== 'ALL') return method;
  findings.add(path, `expected an HTTP method, got '${method}'. A request never has it: name the methods.`);
  return undefined;
}

/** HTTP methods in upper case. */
export function readMethods(values: readonly unknown[], path: string, findings: Findings): readonly string[] {
  return values
    .map((value, index) => readMethod(value, `${path}[${index}]`, findings))
    .filter((method) => method !== undefined);
}
