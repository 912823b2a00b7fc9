import { promises as systemDns } from 'node:dns';
import { UsageError } from '../../errors.js';
import { describeValue } from '../../options/describe-value.js';

/** What is asked of name servers: `dns.promises`, or a `Resolver` of it. */
export interface DnsResolver {
  resolve4(host: string): Promise<readonly string[]>;
  resolve6(host: string): Promise<readonly string[]>;
  resolveSrv(host: string): Promise<readonly SrvRecord[]>;
}

/** A server as an SRV record names it. */
export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** Options of {@link discoverByDns}. */
export interface DiscoverByDnsOptions {
  /** Who is asked. @default the system's name servers, by `dns.promises` */
  readonly resolver?: DnsResolver;
  /** Port of the servers; SRV records have their own. @default that of the shared options, or the driver's */
  readonly port?: number;
}

/** A replica that a name server has named. */
export interface DnsReplica {
  /** Its address; with the port, where that comes from an SRV record. */
  readonly name: string;
  /** The name that TLS checks. */
  readonly host: string;
  readonly address: string;
  readonly port?: number;
  readonly weight?: number;
}

/**
 * Finds replicas by DNS, for `cluster.discover`: a name that answers the addresses of all of them (A, or where there is none
 * AAAA), such as a headless service of Kubernetes, or an SRV name (`_postgresql._tcp.db.example`). User, password and
 * database come from the options at the top level.
 *
 * ```ts
 * cluster: { discover: discoverByDns('replicas.db.example', { port: 5432 }) }
 * ```
 *
 * The function that it answers rejects for a name that answers one address at a time, which changes.
 *
 * @throws {@link UsageError} when `host` is no name.
 */
export function discoverByDns(
  host: string,
  { resolver = systemDns, port }: DiscoverByDnsOptions = {},
): () => Promise<readonly DnsReplica[]> {
  if (typeof host !== 'string' || host === '')
    throw new UsageError(
      `discoverByDns() expects the name of a host, got ${describeValue(host)}: is the environment variable set?`,
    );
  if (host.startsWith('_')) return () => findBySrv(host, resolver);
  const lone = new LoneAddresses(host);
  return async () => {
    const addresses = await lone.check(() => addressesOf(host, resolver));
    return addresses.map((address) => ({
      name: address,
      host,
      address,
      ...(port !== undefined && { port }),
    }));
  };
}

/** Of the most important priority: the others are for when these are gone. */
async function findBySrv(service: string, resolver: DnsResolver): Promise<readonly DnsReplica[]> {
  const records = await resolver.resolveSrv(service).catch(noneIfAbsent);
  const first = Math.min(...records.map(({ priority }) => priority));
  const servers = records
    .filter(({ priority }) => priority === first)
    .map(async ({ name: host, port, weight }) =>
      (await addressesOf(host, resolver)).map((address) => ({
        name: `${address}:${port}`,
        host,
        address,
        port,
        weight: weight || 1,
      })),
    );
  return (await Promise.all(servers)).flat();
}

/** A server with addresses of both kinds is one replica. */
async function addressesOf(host: string, resolver: DnsResolver): Promise<readonly string[]> {
  const addresses = await resolver.resolve4(host).catch(noneIfAbsent);
  return addresses.length > 0 ? addresses : resolver.resolve6(host).catch(noneIfAbsent);
}

function noneIfAbsent(error: unknown): readonly never[] {
  if (ABSENT.has((error as { code?: unknown }).code)) return [];
  throw error;
}

const ABSENT = new Set<unknown>(['ENOTFOUND', 'ENODATA']);

/** Tells a name that stands for one of several servers at a time from the name of a single replica, which may move once. */
class LoneAddresses {
  private recent: readonly string[] = [];

  constructor(private readonly host: string) {}

  /** An answer of one address is asked for again: some name servers answer another one each time. */
  async check(ask: () => Promise<readonly string[]>): Promise<readonly string[]> {
    const addresses = await ask();
    this.note(addresses);
    for (let more = 1; more < ASKED_AT_ONCE && addresses.length === 1; more++) this.note(await ask());
    const changes = this.recent.filter((address, index) => index > 0 && address !== this.recent[index - 1]);
    if (changes.length > 1) throw new UsageError(CHANGING(this.host, new Set(this.recent)));
    return addresses;
  }

  private note([address, ...others]: readonly string[]): void {
    const isLone = address !== undefined && others.length === 0;
    this.recent = isLone ? [...this.recent, address].slice(-REMEMBERED) : [];
  }
}

const ASKED_AT_ONCE = 3;
/** Of the last three answers. */
const REMEMBERED = 3 * ASKED_AT_ONCE;

const CHANGING = (host: string, addresses: ReadonlySet<string>): string =>
  `${host} answers one address at a time, and it changes (${[...addresses].join(', ')}): several servers stand behind it, ` +
  `and it does not tell which. Take cluster.discover away and list it: replicas: [{ host: '${host}', endpoint: 'per-connection' }].`;
