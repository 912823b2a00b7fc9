import { ratioOfStarts, type Starts } from '../measure/statistics.js';
import { ENGINE_NAMES, type EngineName } from '../measure/engines.js';
import type { CallResult } from '../parts/calls.js';
import type { HttpResult } from '../measure/compare-servers.js';
import { hasUsualWrites } from '../parts/lag.js';
import type { Parts } from '../results.js';
import { cpuTimesPlain, findLike, type Wanted } from './http-ratios.js';
import { count, percent } from './markdown.js';

/** A goal of the project, and what was measured. */
export interface Goal {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  readonly isMet: boolean;
  /** Met or not, the machine disturbed too much to say that it is met. */
  readonly isUntold?: boolean;
}

/** Judges what has been measured. */
export function judgeGoals(parts: Partial<Parts>): readonly Goal[] {
  return [
    ...ofCalls(parts.calls ?? []),
    ...ofRequests(parts.http ?? [], HTTP_GOALS),
    ...ofRequests(parts.guarantee ?? [], GUARANTEE_GOALS),
    ...ofNoReplicas(parts),
    ...ENGINE_NAMES.flatMap((engine) => ofLag(parts.lag ?? [], engine)),
    ...ofScaling(parts.scaling ?? []),
    ...ENGINE_NAMES.flatMap((engine) => ofFaults(parts.faults ?? [], engine)),
  ];
}

function ofCalls(calls: Parts['calls']): Goal[] {
  const groups = new Map(
    calls.map(({ node, engine }) => [`Node ${node}${suffixOf(engine)}`, { node, engine }]),
  );
  return [...groups].flatMap(([group, { node, engine }]) => {
    const find = (wanted: CallResult['variant']) =>
      calls.find(
        (one) =>
          one.node === node &&
          one.engine === engine &&
          one.operation === 'findOneBy' &&
          one.variant === wanted &&
          one.parts === 'none',
      );
    const [ours, plain] = [find('session'), find('plain')];
    if (!ours || !plain) return [];
    const { median } = ratioOfStarts(ours.wallUs, plain.wallUs);
    const goal = atMost(1.03, `time per \`findOneBy\`, (d) against (a), ${group}`, median);
    return [{ ...goal, isUntold: median < 1 }];
  });
}

/** Most goals are of PostgreSQL. */
function suffixOf(engine: EngineName): string {
  return engine === 'PostgreSQL' ? '' : `, ${engine}`;
}

type Platform = HttpResult['platform'];

/** A figure of one kind of request against the same of another. */
interface HttpGoal {
  readonly what: string;
  readonly figure: (result: HttpResult) => Starts;
  readonly of: Wanted;
  readonly against: Wanted;
  readonly goals: Readonly<Record<Platform, number>>;
}

const cpu = ({ cpuUs }: HttpResult): Starts => cpuUs;
const sessionGet: Wanted = { variant: 'session', request: 'GET' };
const withOne = (variant: Wanted['variant'], request: Wanted['request']): Wanted => ({
  variant,
  request,
  hasOneReplica: true,
});

const HTTP_GOALS: readonly HttpGoal[] = [
  {
    what: 'CPU per one-query GET, (d) against (a)',
    figure: cpu,
    of: sessionGet,
    against: { variant: 'plain', request: 'GET' },
    goals: { express: 1.08, fastify: 1.12 },
  },
  {
    what: 'CPU per one-query GET, (d) with one replica against (a), so that both read one server',
    figure: cpu,
    of: withOne('session', 'GET'),
    against: { variant: 'plain', request: 'GET' },
    goals: { express: 1.08, fastify: 1.12 },
  },
  {
    what: 'CPU per one-query GET, (d) against (f)',
    figure: cpu,
    of: sessionGet,
    against: { variant: 'request-scoped', request: 'GET' },
    goals: { express: 0.75, fastify: 0.5 },
  },
];

/** Of the part `guarantee`. */
const GUARANTEE_GOALS: readonly HttpGoal[] = [
  {
    what: 'CPU per one-query GET of (d), with a satisfied token against without',
    figure: cpu,
    of: withOne('session', 'GET after writing'),
    against: withOne('session', 'GET'),
    goals: { express: 1.02, fastify: 1.02 },
  },
  {
    what: 'p50 of a POST in a transaction, with capture (d) against without (c)',
    figure: ({ p50Ms }) => p50Ms,
    of: withOne('session', 'POST in a transaction'),
    against: withOne('eventual', 'POST in a transaction'),
    goals: { express: 1.1, fastify: 1.1 },
  },
];

function ofRequests(http: readonly HttpResult[], wantedGoals: readonly HttpGoal[]): Goal[] {
  const groups = new Map(http.map(({ node, platform }) => [`${platform}, Node ${node}`, { node, platform }]));
  return [...groups].flatMap(([group, { node, platform }]) => {
    const find = (wanted: Wanted) => findLike({ node, platform }, http, wanted);
    return wantedGoals.flatMap(({ what, figure, of, against, goals }) => {
      const [upper, lower] = [find(of), find(against)];
      if (!upper || !lower) return [];
      const { median } = ratioOfStarts(figure(upper), figure(lower));
      const isUntold = !isTold(http, upper, figure) || (against.variant === 'plain' && median < 1);
      return [{ ...atMost(goals[platform], `${what}, ${group}`, median), isUntold }];
    });
  });
}

/**
 * Whether the figures of one platform and request can show that a goal is met: the plain application with parts that do
 * nothing costs as much as without them, or a little more. Where it seems to cost less, or much more, that is the machine.
 */
function isTold(http: Parts['http'], upper: HttpResult, figure: HttpGoal['figure']): boolean {
  const plain: Wanted = { variant: 'plain', request: upper.request };
  const [base, control] = [plain, { ...plain, parts: 'storage-and-guard' } as const].map((wanted) =>
    findLike(upper, http, wanted),
  );
  if (!base || !control) return true;
  const { median } = ratioOfStarts(figure(control), figure(base));
  return median >= LEAST && median <= MOST;
}

const LEAST = 0.95;
const MOST = 1.3;

function ofNoReplicas({ start = [], 'no-replicas': requests = [] }: Partial<Parts>): Goal[] {
  const plain = start.find(({ variant }) => variant === 'plain');
  const without = start.find(({ hasReplicas }) => !hasReplicas);
  return [
    ...requests
      .filter(({ variant }) => variant === 'session')
      .map((one) =>
        atMost(
          1.05,
          `CPU per one-query ${one.request}, (d) with \`replicas: []\` against (a), ${one.platform}`,
          cpuTimesPlain(one, requests).median,
        ),
      ),
    ...(plain && without
      ? [
          atMost(1.05, 'start-up, (d) with `replicas: []` against (a)', without.start.median),
          atMost(1.05, 'heap after it, (d) with `replicas: []` against (a)', without.heapMb / plain.heapMb),
        ]
      : []),
  ];
}

function atMost(goal: number, what: string, measured: number): Goal {
  return { what, goal: `at most ${goal}`, measured: measured.toFixed(2), isMet: measured <= goal };
}

function ofLag(lag: Parts['lag'], engine: EngineName): Goal[] {
  const session = lag.filter((one) => one.engine === engine && one.variant === 'session');
  if (session.length === 0) return [];
  const stale = session.reduce((sum, one) => sum + one.stale, 0);
  const reads = session.reduce((sum, one) => sum + one.reads, 0);
  const at5 = session.find((one) => one.lagMs === 5 && hasUsualWrites(one));
  const share = at5 ? at5.readsOnReplicas / at5.reads : Number.NaN;
  return [
    {
      what: `(d) reads older than the own writes of the client, all lags${suffixOf(engine)}`,
      goal: '0',
      measured: `${stale} of ${count(reads)}`,
      isMet: stale === 0,
    },
    ...(at5
      ? [
          {
            what: `(d) reads served by replicas, 10 % writes, 5 ms lag${suffixOf(engine)}`,
            goal: 'at least 97 %',
            measured: percent(share),
            isMet: share >= 0.97,
          },
        ]
      : []),
  ];
}

function ofScaling(scaling: Parts['scaling']): Goal[] {
  const four = scaling.find(
    (one) => one.variant === 'session' && one.replicas === 4 && one.writeShare === 0.05,
  );
  if (!four) return [];
  const share = four.readsPerSecond / four.idealReadsPerSecond;
  return [
    {
      what: '(d) throughput with 4 replicas, 5 % writes, of the ideal',
      goal: 'at least 0.90',
      measured: share.toFixed(2),
      isMet: share >= 0.9,
    },
  ];
}

function ofFaults(faults: Parts['faults'], engine: EngineName): Goal[] {
  const killed = faults.find(
    (one) => one.engine === engine && one.variant === 'session' && one.fault === 'killed',
  );
  if (!killed) return [];
  const failed = killed.failedReads + killed.failedWrites;
  return [
    {
      what: `(d) failed requests, one replica killed${suffixOf(engine)}`,
      goal: '0',
      measured: `${failed} of ${count(killed.requests)}`,
      isMet: failed === 0,
    },
  ];
}
