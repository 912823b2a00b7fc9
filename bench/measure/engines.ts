import { spawnSync } from 'node:child_process';
import { delimiter } from 'node:path';
import { TestingError } from 'nestjs-replicated/testing';

/** Databases that are measured side by side, by the names on the page. */
export const ENGINE_NAMES = ['PostgreSQL', 'MariaDB'] as const;

export type EngineName = (typeof ENGINE_NAMES)[number];

/** Of which database a result is. */
export interface OfEngine {
  readonly engine: EngineName;
}

/**
 * Measures one database after the other, or both at the same time where what counts are counts. MariaDB is left out, with a
 * notice, where there is no server of it.
 */
export async function onEachEngine<Result extends object>(
  measure: (engine: EngineName) => Promise<readonly Result[]>,
  { atOnce }: { readonly atOnce: boolean },
): Promise<readonly (Result & OfEngine)[]> {
  const measureOn = async (engine: EngineName) => {
    const results = await measure(engine).catch((error: unknown) => {
      if (engine === 'PostgreSQL' || !isMissing(error)) throw error;
      console.log(`${engine} is left out: ${error.message}`);
      return [];
    });
    return results.map((one) => ({ engine, ...one }));
  };
  if (atOnce) return (await Promise.all(ENGINE_NAMES.map(measureOn))).flat();
  const results: (Result & OfEngine)[] = [];
  for (const engine of ENGINE_NAMES) results.push(...(await measureOn(engine)));
  return results;
}

function isMissing(error: unknown): error is TestingError {
  return error instanceof TestingError && error.code === 'ERR_TESTING_NO_BINARIES';
}

/** Such as `10.11.19`; `undefined` where there is none. */
export function versionOfMariadb(): string | undefined {
  const { PATH = '', MARIADB_BIN = '' } = process.env;
  const env = { PATH: [MARIADB_BIN, PATH, '/usr/sbin'].filter(Boolean).join(delimiter) };
  const { stdout } = spawnSync('mariadbd', ['--version'], { encoding: 'utf8', env });
  return / ([\d.]+)-MariaDB/.exec(stdout)?.[1];
}
