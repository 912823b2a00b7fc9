import { VARIANTS, type PlatformParts, type Variant } from '../app/variant.js';
import type { HttpResult } from '../measure/compare-servers.js';

const NAMES: Readonly<Record<Variant, string>> = {
  plain: 'plain TypeOrmModule',
  'typeorm-replication': 'TypeORM replication',
  eventual: 'eventual',
  session: 'session',
  'time-pinning': 'time pinning',
  'request-scoped': 'Scope.REQUEST',
};

const PARTS: Readonly<Record<PlatformParts, string>> = {
  none: '',
  storage: ' + AsyncLocalStorage',
  'storage-and-guard': ' + AsyncLocalStorage, empty guard',
  'storage-guard-interceptor': ' + the same, empty interceptor',
};

/** `(d) session`. */
export function labelOf(variant: Variant, parts: PlatformParts = 'none'): string {
  return parts === 'none'
    ? `(${VARIANTS[variant]}) ${NAMES[variant]}`
    : `(${VARIANTS[variant]})${PARTS[parts]}`;
}

/** The same for a result over HTTP, where two replicas are the rule. */
export function labelOfServer({
  variant,
  parts,
  hasOneReplica,
}: Pick<HttpResult, 'variant' | 'parts' | 'hasOneReplica'>): string {
  return labelOf(variant, parts) + (hasOneReplica ? ', one replica' : '');
}
