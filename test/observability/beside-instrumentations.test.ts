import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startMariadbCluster, type MariadbCluster, type PostgresCluster } from 'nestjs-replicated/testing';
import { describeOn } from '../support/mariadb-server.js';
import { forkOutsideJest } from '../outside-jest/fork-outside-jest.js';
import { borrowPostgres } from '../support/borrow-postgres.js';

interface Report {
  readonly calls: Readonly<Record<string, unknown>>;
  readonly spans: readonly { readonly name: string; readonly traceId: string; readonly statement: string }[];
  readonly metrics: readonly { readonly scope: string; readonly name: string; readonly points: number }[];
}

/** A database, and what its driver's instrumentation sees and measures. */
interface Instrumented {
  readonly type: 'postgres' | 'mysql';
  /** Of the instrumentation of node-postgres. */
  readonly config: object;
  readonly start: () => Promise<PostgresCluster | MariadbCluster>;
  /** What the server says of a table that is missing. */
  readonly missing: RegExp;
  readonly quoted: string;
  readonly measured: readonly string[];
}

// Outside of jest, whose module system no instrumentation hooks into.
for (const [how, config] of [
  ['', {}],
  [', which writes comments into texts', { addSqlCommenterCommentToQueries: true }],
  [', which sends a statement before each', { enableTraceContextPropagation: true }],
] as const)
  describeOn('postgres', `beside @opentelemetry/instrumentation-pg${how}`, () => {
    testBeside({
      type: 'postgres',
      config,
      start: () => borrowPostgres({ replicas: 1 }),
      missing: /^failed: relation "missing" does not exist$/,
      quoted: '"note"',
      measured: ['db.client.operation.duration'],
    });
  });

describeOn('mariadb', 'beside @opentelemetry/instrumentation-mysql2', () => {
  testBeside({
    type: 'mysql',
    config: {},
    start: () => startMariadbCluster({ replicas: 1 }),
    missing: /^failed: Table '\w+\.missing' doesn't exist$/,
    quoted: '`note`',
    measured: [],
  });
});

function testBeside({ type, config, start, missing, quoted, measured }: Instrumented): void {
  let nodes: PostgresCluster | MariadbCluster;
  let report: Report;
  beforeAll(async () => {
    nodes = await start();
    const urls = { type, primary: nodes.primary.url, replica: nodes.replicas[0]?.url, config };
    const { message, ended } = await forkOutsideJest(new URL('./instrumented/main.ts', import.meta.url), [
      JSON.stringify(urls),
    ]);
    report = message as Report;
    await ended;
  });
  afterAll(() => nodes.stop());

  it('captures, transactions, streams and refusals work as ever', () => {
    expect(report.calls).toEqual({
      autocommit: 'string',
      autocommits: [0, true],
      transaction: 'string',
      rollback: 'undefined',
      raw: 'string',
      read: [3, 'replica'],
      'read-only transaction': 3,
      stream: 500,
      refused: expect.stringMatching(/^failed: INSERT was refused: /),
      failing: expect.stringMatching(missing),
    });
  });

  it('every statement of the application has one span', () => {
    const statements = (call: string): readonly string[] => {
      const traceId = report.spans.find(({ name }) => name === call)?.traceId;
      return report.spans.flatMap((span) =>
        span.traceId === traceId && span.statement !== '' ? [span.statement] : [],
      );
    };
    expect(statements('read').filter((text) => text.includes(`FROM ${quoted}`))).toHaveLength(1);
    expect(statements('autocommit').filter((text) => text.startsWith('INSERT'))).toHaveLength(1);
    expect(statements('transaction').filter((text) => text.includes('COMMIT'))).toHaveLength(1);
    expect(statements('transaction').filter((text) => text.startsWith('INSERT'))).toHaveLength(1);
  });

  it('no metric comes from both', () => {
    const of = (ours: boolean) =>
      report.metrics.filter(({ scope }) => (scope === 'nestjs-replicated') === ours).map(({ name }) => name);
    expect(of(true)).toContain('db.client.connection.count');
    expect(of(false).filter((name) => of(true).includes(name))).toEqual([]);
    expect(of(false)).toEqual(expect.arrayContaining([...measured]));
  });
}
