/** What is compared, with the letters of the page. */
export const VARIANTS = {
  plain: 'a',
  'typeorm-replication': 'b',
  eventual: 'c',
  session: 'd',
  'time-pinning': 'e',
  'request-scoped': 'f',
} as const;

export type Variant = keyof typeof VARIANTS;

export const VARIANT_NAMES = Object.keys(VARIANTS) as readonly Variant[];

export const DESCRIPTIONS: Readonly<Record<Variant, string>> = {
  plain: 'TypeOrmModule, everything on the primary',
  'typeorm-replication': "TypeOrmModule with TypeORM's own `replication`",
  eventual: "this library, `consistency.level: 'eventual'`",
  session: "this library, `consistency.level: 'session'` (the default)",
  'time-pinning': 'this library, with time pinning alone: the primary for 5 s after a write',
  'request-scoped': '`Scope.REQUEST` providers that choose a DataSource by the HTTP method',
};

/** Where the servers are. */
export interface Servers {
  readonly primaryUrl: string;
  readonly replicaUrls: readonly string[];
}

/** TypeORM's name of the database behind a url. */
export function typeOf(url: string): 'postgres' | 'mariadb' {
  return url.startsWith('mariadb:') ? 'mariadb' : 'postgres';
}

/** What the platform itself costs: parts that every router needs, added to the plain application and doing nothing. */
export type PlatformParts = 'none' | 'storage' | 'storage-and-guard' | 'storage-guard-interceptor';
