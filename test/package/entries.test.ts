import { describe, expect, it } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const FOLDERS = readdirSync(join(ROOT, 'src')).filter((name) =>
  existsSync(join(ROOT, 'src', name, 'index.ts')),
);
const { exports, typesVersions } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  exports: Record<string, unknown>;
  typesVersions: unknown;
};

describe('every folder with an index.ts is an entry', () => {
  it('for import and for require', () => {
    const formats = ['', ...FOLDERS.map((name) => `/${name}`)].map((path) => [`.${path}`, formatsOf(path)]);
    expect(exports).toEqual({ ...Object.fromEntries(formats), './package.json': './package.json' });
  });

  it('for compilers that know no exports', () => {
    const types = FOLDERS.map((name) => [name, [`./dist/cjs/${name}/index.d.ts`]]);
    expect(typesVersions).toEqual({ '*': Object.fromEntries(types) });
  });
});

function formatsOf(path: string): unknown {
  const [esm, cjs] = ['esm', 'cjs'].map((format) => ({
    types: `./dist/${format}${path}/index.d.ts`,
    default: `./dist/${format}${path}/index.js`,
  }));
  return { import: esm, default: cjs };
}
