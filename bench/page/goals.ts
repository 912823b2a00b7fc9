import type { HttpResult } from '../parts/http.js';
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
    ...ofOverhead(parts.http ?? []),
    ...(parts.lag ? ofLag(parts.lag) : []),
    ...ofScaling(parts.scaling ?? []),
    ...ofFaults(parts.faults ?? []),
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
  return nodes.flatMap((node) =>
    CPU_GOALS.flatMap(({ platform, against, goal }) => {
      const find = (variant: HttpResult['variant']) =>
        http.find(
          (one) =>
            one.node === node &&
            one.platform === platform &&
            one.variant === variant &&
            one.parts === 'none' &&
            one.request === 'GET',
        )?.cpu.median;
      const [ours, other] = [find('session'), find(against)];
      if (ours === undefined || other === undefined) return [];
      const letters = against === 'plain' ? '(d) against (a)' : '(d) against (f)';
      return {
        what: `CPU per one-query GET, ${letters}, ${platform}, Node ${node}`,
        goal: `at most ${goal}`,
        measured: (ours / other).toFixed(2),
        isMet: ours / other <= goal,
      };
    }),
  );
}

function ofLag(lag: Parts['lag']): Goal[] {
  const session = lag.filter(({ variant }) => variant === 'session');
  const stale = session.reduce((sum, one) => sum + one.stale, 0);
  const reads = session.reduce((sum, one) => sum + one.reads, 0);
  const at5 = session.find(({ lagMs }) => lagMs === 5);
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
