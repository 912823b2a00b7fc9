import type { CallResult } from '../parts/calls.js';
import type { HttpResult } from '../parts/http.js';
import { hasUsualWrites } from '../parts/lag.js';
import type { Parts } from '../results.js';
import { count, percent } from './markdown.js';

/** A goal of the project, and what was measured. */
export interface Goal {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  readonly isMet: boolean;
}

/** Judges what has been measured. */
export function judgeGoals(parts: Partial<Parts>): readonly Goal[] {
  return [
    ...ofCalls(parts.calls ?? []),
    ...ofOverhead(parts.http ?? []),
    ...(parts.lag ? ofLag(parts.lag) : []),
    ...ofScaling(parts.scaling ?? []),
    ...ofFaults(parts.faults ?? []),
  ];
}

function ofCalls(calls: Parts['calls']): Goal[] {
  const find = (operation: CallResult['operation'], variant: CallResult['variant']) =>
    calls.find((one) => one.operation === operation && one.variant === variant);
  const [findOneBy, save, eventual] = [
    find('findOneBy', 'session'),
    find('save', 'session'),
    find('save', 'eventual'),
  ];
  if (!findOneBy || !save || !eventual) return [];
  return [
    atMost(1.03, 'time per `findOneBy`, (d) against (a)', findOneBy.wall.median),
    atMost(1.1, 'time per `save`, capture, (d) against (c)', save.wallUs / eventual.wallUs),
  ];
}

const CPU_GOALS = [
  { platform: 'express', against: 'plain', goal: 1.08 },
  { platform: 'fastify', against: 'plain', goal: 1.12 },
  { platform: 'express', against: 'request-scoped', goal: 0.75 },
  { platform: 'fastify', against: 'request-scoped', goal: 0.5 },
] as const;

function ofOverhead(http: Parts['http']): Goal[] {
  const nodes = [...new Set(http.map(({ node }) => node))];
  return nodes.flatMap((node) => {
    const cpuOf = (
      platform: HttpResult['platform'],
      variant: HttpResult['variant'],
      request: HttpResult['request'],
    ) =>
      http.find(
        (one) =>
          one.node === node &&
          one.platform === platform &&
          one.variant === variant &&
          one.parts === 'none' &&
          one.request === request,
      )?.cpu.median ?? Number.NaN;
    const compared = CPU_GOALS.map(({ platform, against, goal }) => {
      const letters = against === 'plain' ? '(d) against (a)' : '(d) against (f)';
      const share = cpuOf(platform, 'session', 'GET') / cpuOf(platform, against, 'GET');
      return atMost(goal, `CPU per one-query GET, ${letters}, ${platform}, Node ${node}`, share);
    });
    const withToken = (['express', 'fastify'] as const).map((platform) => {
      const share = cpuOf(platform, 'session', 'GET after writing') / cpuOf(platform, 'session', 'GET');
      return atMost(1.02, `CPU per GET, (d) with a token against without, ${platform}, Node ${node}`, share);
    });
    return [...compared, ...withToken].filter(({ measured }) => measured !== 'NaN');
  });
}

function atMost(goal: number, what: string, measured: number): Goal {
  return { what, goal: `at most ${goal}`, measured: measured.toFixed(2), isMet: measured <= goal };
}

function ofLag(lag: Parts['lag']): Goal[] {
  const session = lag.filter(({ variant }) => variant === 'session');
  const stale = session.reduce((sum, one) => sum + one.stale, 0);
  const reads = session.reduce((sum, one) => sum + one.reads, 0);
  const at5 = session.find((one) => one.lagMs === 5 && hasUsualWrites(one));
  const share = at5 ? at5.readsOnReplicas / at5.reads : Number.NaN;
  return [
    {
      what: '(d) reads older than the own writes of the client, all lags',
      goal: '0',
      measured: `${stale} of ${count(reads)}`,
      isMet: stale === 0,
    },
    ...(at5
      ? [
          {
            what: '(d) reads served by replicas, 10 % writes, 5 ms lag',
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

function ofFaults(faults: Parts['faults']): Goal[] {
  const killed = faults.find((one) => one.variant === 'session' && one.fault === 'killed');
  if (!killed) return [];
  const failed = killed.failedReads + killed.failedWrites;
  return [
    {
      what: '(d) failed requests, one replica killed',
      goal: '0',
      measured: `${failed} of ${count(killed.requests)}`,
      isMet: failed === 0,
    },
  ];
}
