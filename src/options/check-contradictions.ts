import {
  mayHaveReplicas,
  type ResolvedConsistency,
  type ResolvedMonitor,
  type ResolvedOptions,
} from './resolved-options.js';
import type { Place } from './place.js';

/** Options that cannot be together as they are, or not with the database. */
export interface Contradiction {
  readonly when: boolean;
  /** Those involved; the problem is reported at the first one that the user wrote. */
  readonly paths: readonly [string, ...string[]];
  readonly because: string;
}

/** Names an option with its value: `monitor.maxLagMs (10000, the default)`. */
type Say = (path: string, value: number) => string;

/** What a token must outlive beyond the longest lag and one probe: delivery, clocks, a late probe. */
const TOKEN_MARGIN_MS = 5_000;

/** Finds options that contradict each other, or the database. Where one of them is wrong by itself, that has been said already. */
export function checkContradictions(
  root: Place,
  resolved: ResolvedOptions,
  ofDatabase: readonly Contradiction[],
): void {
  const isWritten = (path: string) =>
    path.split('.').reduce((place, key) => place.at(key), root).value !== undefined;
  const say: Say = (path, value) => `${path} (${value}${isWritten(path) ? '' : ', the default'})`;
  const contradictions = [
    ...ofMonitor(resolved.monitor, say),
    ...ofTokenLife(resolved, say),
    ...ofCookie(resolved.consistency),
    ...ofStore(resolved.consistency, isWritten('consistency.store')),
    ...ofFailover(resolved),
    ...ofZone(resolved),
    ...ofDatabase,
  ].filter(({ when, paths }) => when && !paths.some((path) => root.findings.concern(path)));
  for (const { paths, because } of contradictions)
    root.findings.add(paths.find(isWritten) ?? paths[0], because);
}

function ofMonitor(monitor: ResolvedMonitor, say: Say): Contradiction[] {
  const timeout = say('monitor.timeoutMs', monitor.timeoutMs);
  const interval = say('monitor.intervalMs', monitor.intervalMs);
  const maxLag = say('monitor.maxLagMs', monitor.maxLagMs);
  const hardMaxLag = say('monitor.hardMaxLagMs', monitor.hardMaxLagMs);
  return [
    {
      when: monitor.timeoutMs > monitor.intervalMs,
      paths: ['monitor.timeoutMs', 'monitor.intervalMs'],
      because: `${timeout} is above ${interval}: a probe must end before the next one begins. Lower the first or raise the second.`,
    },
    {
      when: monitor.maxLagMs > monitor.hardMaxLagMs,
      paths: ['monitor.maxLagMs', 'monitor.hardMaxLagMs'],
      because: `${maxLag} is above ${hardMaxLag}, beyond which a replica is not used at all. Lower the first or raise the second.`,
    },
    {
      when: monitor.maxLagMs < monitor.intervalMs,
      paths: ['monitor.maxLagMs', 'monitor.intervalMs'],
      because: `${maxLag} is below ${interval}: lag is known no finer than from probe to probe, so that no replica would reliably meet it. Raise the first or lower the second.`,
    },
  ];
}

/** At level 'eventual' there are no tokens, and nothing can be forgotten too early. */
function ofTokenLife({ consistency, monitor }: ResolvedOptions, say: Say): Contradiction[] {
  const smallestMs = monitor.hardMaxLagMs + monitor.intervalMs + TOKEN_MARGIN_MS;
  const maxAge = say('consistency.maxAgeMs', consistency.maxAgeMs);
  const sum = `${say('monitor.hardMaxLagMs', monitor.hardMaxLagMs)} + ${say('monitor.intervalMs', monitor.intervalMs)} + ${TOKEN_MARGIN_MS}`;
  return [
    {
      when: consistency.level !== 'eventual' && consistency.maxAgeMs < smallestMs,
      paths: ['consistency.maxAgeMs', 'monitor.hardMaxLagMs', 'monitor.intervalMs'],
      because:
        `${maxAge} is too short: a replica may be used while it is up to monitor.hardMaxLagMs behind, and only when it ` +
        `is certain to have replayed a write, or to be excluded, may the token of that write be forgotten. ` +
        `The smallest legal value is ${smallestMs} = ${sum}.`,
    },
  ];
}

function ofCookie({ cookie }: ResolvedConsistency): Contradiction[] {
  const insecure = cookie.secure === false;
  const fix = 'Remove consistency.cookie.secure: false, or this.';
  const [name, secure] = ['consistency.cookie.name', 'consistency.cookie.secure'];
  return [
    {
      when: cookie.sameSite === 'None' && insecure,
      paths: ['consistency.cookie.sameSite', secure],
      because: `browsers drop cookies with sameSite 'None' that are not secure. ${fix}`,
    },
    {
      when: cookie.partitioned && insecure,
      paths: ['consistency.cookie.partitioned', secure],
      because: `browsers drop partitioned cookies that are not secure. ${fix}`,
    },
    {
      when: /^__(host|secure)-/i.test(cookie.name) && insecure,
      paths: [name, secure],
      because: `browsers drop cookies with the prefix of '${cookie.name}' that are not secure. ${fix}`,
    },
    {
      when: /^__host-/i.test(cookie.name) && (cookie.domain !== undefined || cookie.path !== '/'),
      paths: [name, 'consistency.cookie.domain', 'consistency.cookie.path'],
      because:
        "browsers drop cookies with the prefix __Host- that have a domain, or a path other than '/'. Remove domain and path, or the prefix.",
    },
  ];
}

function ofStore({ carriers, store }: ResolvedConsistency, isGiven: boolean): Contradiction[] {
  return [
    {
      when: carriers.includes('store') && store === undefined,
      paths: ['consistency.store.key'],
      because:
        "the carrier 'store' needs to know its clients. Give a function (request) => the client's key, such as the user's id.",
    },
    {
      when: isGiven && !carriers.includes('store'),
      paths: ['consistency.store', 'consistency.carriers'],
      because:
        "has no effect, since 'store' is not among consistency.carriers. Add it there, or remove this.",
    },
  ];
}

function ofZone({ routing, replicas, cluster }: ResolvedOptions): Contradiction[] {
  return [
    {
      when:
        routing.zone !== undefined &&
        replicas.length > 0 &&
        !cluster.discover &&
        replicas.every(({ zone }) => !zone),
      paths: ['routing.zone', 'replicas'],
      because:
        "has no effect, since no replica says where it is. Give each of them its zone, as in replicas: [{ url, zone: 'eu-1a' }].",
    },
  ];
}

function ofFailover({ cluster, replicas }: ResolvedOptions): Contradiction[] {
  return [
    {
      when: cluster.failover === 'follow' && !mayHaveReplicas({ cluster, replicas }),
      paths: ['cluster.failover', 'replicas'],
      because:
        "there is nothing to follow: without replicas no other node can be promoted. List them, or write 'none'.",
    },
    {
      when: cluster.startWithoutPrimary && replicas.length === 0,
      paths: ['cluster.startWithoutPrimary', 'replicas'],
      because:
        'there is nothing to read: without replicas all goes to the primary. List them, or remove this.',
    },
  ];
}
