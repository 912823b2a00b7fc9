import { didYouMean } from './did-you-mean.js';
import type { Place } from './place.js';

/** Ours at the top level, and the one of TypeORM that we read in its place. */
export const OUR_KEYS = [
  'primary',
  'replicas',
  'replication',
  'routing',
  'consistency',
  'monitor',
  'cluster',
  'onConnect',
];

/** Other systems' words for what we call primary and replicas. */
const SLIPS = new Map([
  ...['master', 'writer', 'source'].map((word) => [word, 'primary'] as const),
  ...['slave', 'slaves', 'replica', 'reader', 'readers', 'standby', 'standbys'].map(
    (word) => [word, 'replicas'] as const,
  ),
  ...['readReplica', 'readReplicas', 'secondary', 'secondaries'].map((word) => [word, 'replicas'] as const),
]);

/** Finds slips among the keys at the top level; all others are TypeORM's. To be called when the sections are read. */
export function checkTopLevel(root: Place): void {
  for (const key of Object.keys(root.members)) {
    const fix = OUR_KEYS.includes(key) ? undefined : describeSlip(key, root);
    if (fix !== undefined) root.at(key).report(`unknown option. ${fix}`);
  }
}

function describeSlip(key: string, { members, findings }: Place): string | undefined {
  if (key === 'replicaSet')
    return members['type'] === 'mongodb'
      ? undefined
      : 'It is for MongoDB: list the replicas in replicas: [{ url }].';
  const meant = SLIPS.get(key) ?? didYouMean(key, OUR_KEYS);
  if (meant !== undefined) return `Did you mean ${meant}?`;
  // Words of several parts only: TypeORM has a `mode` and a `name` itself, and NativeScript a `readOnly`.
  const home = /[A-Z]/.test(key) && key !== 'readOnly' ? findings.homeOf(key) : undefined;
  return home === undefined ? undefined : `It belongs to ${home}: { ${key}: ... }.`;
}
