import { execFileSync } from 'node:child_process';
import { delimiter } from 'node:path';
import { TestingError } from 'nestjs-replicated/testing';

/** Databases that are measured side by side, by the names on the page. */
export const ENGINE_NAMES = ['PostgreSQL', 'MariaDB'] as const;

export type EngineName = (typeof ENGINE_NAMES)[number];

/** Of which database a result is. */
export interface OfEngine {
  readonly engine: EngineName;
}

/** Measures one database after the other. MariaDB is left out, with a notice, where there is no server of it. */
export async function onEachEngine<Result extends object>(
  measure: (engine: EngineName) => Promise<readonly Result[]>,
): Promise<readonly (Result & OfEngine)[]> {
  const results: (Result & OfEngine)[] = [];
  for (const engine of ENGINE_NAMES) {
    try {
      results.push(...(await measure(engine)).map((one) => ({ engine, ...one })));
    } catch (error) {
      if (engine === 'PostgreSQL' || !isMissing(error)) throw error;
      console.log(`${engine} is left out: ${error.message}`);
    }
  }
  return results;
}

/** In the order in which they come, those of another database that are alike behind each. */
export function sideBySide<Result extends OfEngine>(
  results: readonly Result[],
  keyOf: (result: Result) => string,
): readonly Result[] {
  const groups = new Map<string, Result[]>();
  for (const one of results) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return [...groups.values()].flat();
}

function isMissing(error: unknown): error is TestingError {
  return error instanceof TestingError && error.code === 'ERR_TESTING_NO_BINARIES';
}

/** Such as `10.11.19`; `undefined` where there is none. */
export function versionOfMariadb(): string | undefined {
  const { PATH = '', MARIADB_BIN = '' } = process.env;
  const env = { PATH: [MARIADB_BIN, PATH, '/usr/sbin'].filter(Boolean).join(delimiter) };
  try {
    const text = execFileSync('mariadbd', ['--version'], { encoding: 'utf8', env });
    return / ([\d.]+)-MariaDB/.exec(text)?.[1];
  } catch {
    return undefined;
  }
}
