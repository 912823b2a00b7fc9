import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

/** A block of TypeScript of the documentation. */
export interface Snippet {
  /** The page and line at which it stands. */
  readonly place: string;
  readonly page: string;
  /** Of one that is a whole file and names itself: `// app.module.ts`. */
  readonly file: string | undefined;
  readonly code: string;
}

export const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.startsWith('api/'))
    .map((name) => `docs/${name}`),
];

export function snippetsOf(page: string): Snippet[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(/^```ts\n([^]*?)^```/gm)].map(({ 1: code = '', index }) => ({
    place: `${page}:${text.slice(0, index).split('\n').length}`,
    page,
    file: /^\/\/ (\S+\.ts)\n/.exec(code)?.[1],
    code,
  }));
}
