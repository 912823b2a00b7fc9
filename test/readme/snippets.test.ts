import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from '@swc/core';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { PAGES, ROOT, snippetsOf, type Snippet } from './snippets.js';

const snippets = PAGES.flatMap(snippetsOf);

/** What a snippet may be a piece of. */
const AROUND: readonly ((code: string) => string)[] = [
  (code) => code,
  (code) => `class Holder { ${code} }`,
  (code) => `async function around() { ${code} }`,
  (code) => `({ ${code} });`,
];

describe('the TypeScript of README and docs', () => {
  it('is TypeScript', async () => {
    expect(snippets.length).toBeGreaterThan(50);
    const broken = await Promise.all(snippets.map(async (one) => ((await isCode(one)) ? [] : [one.place])));
    expect(broken.flat()).toEqual([]);
  });

  describe('that names itself as a file', () => {
    let folder: string;

    beforeAll(async () => {
      folder = await mkdtemp(join(import.meta.dirname, '.example-'));
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    it('compiles, in the strict way of this library', async () => {
      const files = snippets.filter(
        ({ file, code }) => file !== undefined && /^export |^const app/m.test(code),
      );
      expect(files.length).toBeGreaterThan(10);
      const paths = await Promise.all(files.map((one) => write(one)));
      expect(errorsIn(paths)).toEqual([]);
    }, 120_000);

    async function write({ page, file = '', code }: Snippet): Promise<string> {
      const path = join(folder, page.replaceAll(/\W/g, '-'), file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, code);
      return path;
    }
  });
});

async function isCode({ code }: Snippet): Promise<boolean> {
  for (const around of AROUND) {
    const parsed = parse(around(code), { syntax: 'typescript', decorators: true, target: 'es2022' });
    if (await parsed.then(() => true).catch(() => false)) return true;
  }
  return false;
}

function errorsIn(paths: readonly string[]): string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, ROOT);
  const program = ts.createProgram([...paths], options);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ file, messageText }) =>
      [relative(ROOT, file?.fileName ?? ''), ts.flattenDiagnosticMessageText(messageText, ' ')].join(': '),
    );
}
