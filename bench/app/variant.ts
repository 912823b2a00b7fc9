/** The databases' modules that are compared, with their names on the page. */
export const VARIANTS = {
  plain: 'plain TypeORM',
  'typeorm-replication': "TypeORM's `replication`",
  eventual: "this library, `'eventual'`",
  session: 'this library',
  'time-pinning': 'time pinning',
} as const;

export type Variant = keyof typeof VARIANTS;

/** Where the servers are. */
export interface Servers {
  readonly primaryUrl: string;
  readonly replicaUrls: readonly string[];
}

/** TypeORM's name of the database behind a url. */
export function typeOf(url: string): 'postgres' | 'mariadb' {
  return url.startsWith('mariadb:') ? 'mariadb' : 'postgres';
}

/** An application among those that are measured in turns. */
export interface Contender {
  readonly variant: Variant;
  /** What every router needs of the platform is added, and does nothing. */
  readonly hasPlatformParts?: boolean;
  readonly hasNoReplicas?: boolean;
}

/** Those of the overhead. */
export const CONTENDERS = {
  plain: { variant: 'plain' },
  /** The same once more: what the two differ by is the machine. */
  control: { variant: 'plain' },
  platform: { variant: 'plain', hasPlatformParts: true },
  session: { variant: 'session' },
  'no-replicas': { variant: 'session', hasNoReplicas: true },
  eventual: { variant: 'eventual' },
  'typeorm-replication': { variant: 'typeorm-replication' },
} as const satisfies Readonly<Record<string, Contender>>;

export type ContenderName = keyof typeof CONTENDERS;

/** Whose overhead the page shows. */
export const COMPARED: readonly ContenderName[] = ['plain', 'control', 'platform', 'session'];
/** Whose overhead the page does not show. */
export const OTHER_CONTENDERS: readonly ContenderName[] = ['eventual', 'typeorm-replication'];
