import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerConfig } from '../app/server.js';
import { COMPARED, type Contender, type ContenderName, type Servers } from '../app/variant.js';
import { withBench, type BenchServer } from '../measure/bench.js';
import { contest, type OverheadResult } from '../measure/contest.js';
import { versionOfNode } from '../measure/describe-machine.js';
import { withOwnProcessor } from '../measure/own-processor.js';
import type { Sizes } from '../sizes.js';

/** Answers from memory, so that no server takes part; servers near; servers behind a link. */
type SceneName = keyof Sizes['requests'];

/** There and back. */
const LINK_MS = 40;

/** The kinds of request, by their names on the page. */
export const REQUESTS = {
  get: 'GET',
  /** The token is of a write that the replica has replayed. */
  getWithToken: 'GET with a token',
  post: 'POST',
  getFromMemory: 'GET, answered from memory',
  getOverLink: `GET, servers ${LINK_MS} ms away`,
  postOverLink: `POST, servers ${LINK_MS} ms away`,
} as const;
type Request = (typeof REQUESTS)[keyof typeof REQUESTS];

interface Scene {
  readonly name: SceneName;
  readonly kinds: readonly Request[];
  /** No more than a pool has. */
  readonly connections: number;
}

const SCENES: readonly Scene[] = [
  { name: 'near', kinds: [REQUESTS.get, REQUESTS.getWithToken, REQUESTS.post], connections: 4 },
  { name: 'memory', kinds: [REQUESTS.getFromMemory], connections: 4 },
  { name: 'link', kinds: [REQUESTS.getOverLink, REQUESTS.postOverLink], connections: 8 },
];

function contendersOf(scene: SceneName): readonly ContenderName[] {
  return scene === 'near' ? [...COMPARED, 'no-replicas'] : COMPARED;
}

/** What requests cost each contender, on every platform and Node, with the load made by another process. */
export function measureRequests(
  sizes: Sizes,
  nodes: readonly (string | undefined)[],
): Promise<readonly OverheadResult[]> {
  return withOwnProcessor((give) =>
    withBench({ replicas: 1 }, async (bench) => {
      const { proxies, servers: linked } = await bench.throughProxies();
      for (const proxy of proxies) proxy.delay(LINK_MS / 2);
      const wanted = SCENES.filter(({ name }) => sizes.requests[name].starts > 0);
      const results: OverheadResult[] = [];
      for (const [at, node] of nodes.entries())
        for (const scene of at === 0 ? wanted : wanted.slice(0, 1)) {
          const servers = scene.name === 'link' ? linked : bench.servers;
          const start: Start = async ({ hasNoReplicas, ...config }) => {
            const replicaUrls = hasNoReplicas ? [] : servers.replicaUrls;
            const server = await bench.start({ ...config, ...servers, replicaUrls }, node);
            give(server.process.pid);
            return server;
          };
          for (const platform of sizes.platforms) {
            const costs = await measureScene(scene, sizes, { platform, start });
            results.push(...costs.map((one) => ({ node: versionOfNode(node), on: platform, ...one })));
          }
        }
      return results;
    }),
  );
}

type Start = (config: Contender & Omit<ServerConfig, keyof Servers>) => Promise<BenchServer>;

function measureScene(
  { name, kinds, connections }: Scene,
  { requests: scenes }: Sizes,
  { platform, start }: { readonly platform: ServerConfig['platform']; readonly start: Start },
) {
  const { requests, ...sizes } = scenes[name];
  const cookies = new Map<BenchServer, string | undefined>();
  return contest({
    contenders: contendersOf(name),
    kinds,
    sizes,
    start: (contender) => start({ ...contender, platform, readsFromMemory: name === 'memory' }),
    async prepare(kind, all) {
      if (kind !== REQUESTS.getWithToken) return;
      for (const server of all) cookies.set(server, await server.cookieOfWriter('/notes'));
      await sleep(SEEN_BY_MONITOR_MS);
    },
    slice(server, kind) {
      const cookie = kind === REQUESTS.getWithToken ? cookies.get(server) : undefined;
      return server.blast({ ...(kind.startsWith('POST') ? POST : GET), requests, connections, cookie });
    },
  });
}

const GET = { method: 'GET', path: '/notes/1' } as const;
const POST = { method: 'POST', path: '/notes' } as const;
const SEEN_BY_MONITOR_MS = 1_300;
