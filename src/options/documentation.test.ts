import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { drivers } from '../engines/create-engine.js';
import { resolveOptions } from './resolve-options.js';

const ROOT = join(import.meta.dirname, '../..');
const DOCS = readFileSync(join(ROOT, 'docs/options.md'), 'utf8');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

const WITH_REPLICA = {
  type: 'postgres',
  primary: { url: 'postgres://db-1/shop' },
  replicas: [{ url: 'postgres://db-2/shop' }],
};
const key = () => 'user-1';
const WITH_STORE = { ...WITH_REPLICA, consistency: { carriers: ['store'], store: { key } } };

describe('the documentation of the options', () => {
  it('is what `npm run docs` makes of the declarations', () => {
    const script = join(ROOT, 'scripts/document-options.mjs');
    const made = execFileSync(process.execPath, [script, '--print'], { cwd: ROOT, encoding: 'utf8' });
    expect(made).toBe(DOCS);
  });

  it.each(rowsOf(DOCS).filter(({ code }) => code !== undefined))(
    'says of $option the default that it has: $code',
    ({ option, code = '' }) => {
      const path = option.includes('.') ? option.split('.') : ['replicas', '0', option];
      const beside = option.startsWith('consistency.store.') ? WITH_STORE : WITH_REPLICA;
      const value: unknown = JSON.parse(code.replaceAll("'", '"'));
      expect(resolveOptions(put(beside, path, value), drivers)).toEqual(resolveOptions(beside, drivers));
    },
  );

  it('says the same of an option in the README', () => {
    const known = rowsOf(DOCS).map(({ option, value }) => `${option}: ${value}`);
    const named = rowsOf(README).map(({ option, value }) => `${option}: ${value}`);
    expect(named).not.toHaveLength(0);
    expect(known).toEqual(expect.arrayContaining(named));
  });
});

/** Rows of tables that begin with an option. `code`: the default, when it is a value and no description of one. */
function rowsOf(markdown: string) {
  return [...markdown.matchAll(/^\| `((?:[a-z]+\.)*\w+)` +\| (.*?) +\|/gim)].map(
    ([, option = '', value = '']) => ({
      option,
      value,
      code: /^`(.*)`$/.exec(value)?.[1],
    }),
  );
}

/** The same with a value at that path. */
function put(into: unknown, [key, ...inner]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  if (Array.isArray(into))
    return into.map((item, index) => (String(index) === key ? put(item, inner, value) : item));
  const members = into as Record<string, unknown> | undefined;
  return { ...members, [key]: put(members?.[key], inner, value) };
}
