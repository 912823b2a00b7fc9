import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const FILES = [
  ...readdirSync(ROOT).filter((name) => /\.(?:md|mjs)$/.test(name)),
  ...['src', 'test', 'bench', 'scripts', 'docs', 'sample-app', 'examples'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
      posix.join(folder, name),
    ),
  ),
].filter((file) => /\.(?:ts|mjs|cjs|md)$/.test(file));

/** `typeorm/session-recovery.ts`, perhaps with what is in it: `recover` in `typeorm/session-recovery.ts`. */
const NAMED = /(?:`(\w+)`\)? (?:in|of)\s+(?:\*\s+)?)?`([\w./-]+\.(?:ts|mjs|cjs|md))`/g;

describe('documentation and comments', () => {
  const named = FILES.filter((file) => /^(?:src\/|docs\/|[^/]+$)/.test(file)).flatMap((by) =>
    [...readFileSync(join(ROOT, by), 'utf8').matchAll(NAMED)].map(([, member, file = '']) => {
      return { by, member, file, found: filesNamed(file, by) };
    }),
  );

  it('name files that are there', () => {
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter(({ found }) => found.length === 0)).toEqual([]);
  });

  it('name of a file what it has', () => {
    const members = named.filter(({ member }) => member !== undefined);
    expect(members).not.toHaveLength(0);
    expect(members.filter(({ member = '', found }) => !found.some((file) => has(file, member)))).toEqual([]);
  });
});

/** As seen from the root, from `src`, or from the file that names it; a name alone may be anywhere. */
function filesNamed(name: string, by: string): readonly string[] {
  const paths = [name, `src/${name}`, posix.join(dirname(by), name)];
  const seen = new Set(paths.map((path) => posix.normalize(path)));
  return FILES.filter((file) => seen.has(file) || (!name.includes('/') && file.endsWith(`/${name}`)));
}

function has(file: string, member: string): boolean {
  return new RegExp(`\\b${member}\\b`).test(readFileSync(join(ROOT, file), 'utf8'));
}
