import type { ReplicatedModuleOptions } from 'nestjs-replicated';
import { RoutingSwitch } from './cluster/routing-switch.js';
import { CreateGuestbook1764000000000 } from './migrations/1764000000000-create-guestbook.js';
import { Comment, Post } from './posts/post.entity.js';
import { Counter } from './visitors/counter.entity.js';
import { readVisitor } from './visitors/visitor-cookie.js';

/** Where the primary and its replicas are. */
export interface DatabaseUrls {
  readonly primaryUrl: string;
  readonly replicaUrls: readonly string[];
}

/** The database as the application and TypeORM's CLI see it. */
export function databaseOptions(
  { primaryUrl, replicaUrls }: DatabaseUrls,
  routing = new RoutingSwitch(),
): ReplicatedModuleOptions {
  const type = typeOf(primaryUrl);
  return {
    type,
    entities: [Post, Comment, Counter],
    migrations: [CreateGuestbook1764000000000],
    migrationsRun: true,
    primary: { url: primaryUrl },
    replicas: replicaUrls.map((url) => ({ url })),
    routing: { explainHeader: true, control: () => routing.settings },
    // Outlives every token, so that visitors stay on their side of a share, and on their replica.
    consistency: { affinity: readVisitor },
    // A page that waits for a lock for longer than that is an error, whatever the servers say.
    onConnect: (connection) =>
      connection.query(
        type === 'postgres' ? `SET lock_timeout = '5s'` : 'SET SESSION innodb_lock_wait_timeout = 5',
      ),
  };
}

const TYPES = new Map([
  ['postgres', 'postgres'],
  ['postgresql', 'postgres'],
  ['mysql', 'mysql'],
  ['mariadb', 'mariadb'],
] as const);

/** TypeORM's name of the database, by what its URL begins with. */
function typeOf(url: string): 'postgres' | 'mysql' | 'mariadb' {
  const type = TYPES.get(url.split(':')[0] as 'postgres');
  if (type !== undefined) return type;
  throw new Error(`PRIMARY_URL: expected a URL that begins with ${[...TYPES.keys()].join(', ')}.`);
}
