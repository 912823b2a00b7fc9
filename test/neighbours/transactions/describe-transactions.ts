import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import request from 'supertest';
import { PARAMETER, startCluster } from '../../support/database.js';
import { nodesOf, type Nodes } from '../database-options.js';
import { SERVER } from './doors.js';
import type { RunningApplication } from '../../support/open-app.js';
import type { Report } from './posts.controller.js';

/** What holds for every style of transactions. */
export function describeTransactions(
  style: string,
  start: (nodes: Nodes) => Promise<RunningApplication>,
): void {
  describe(`transactions by ${style}`, () => {
    let cluster: PostgresCluster;
    let app: RunningApplication;
    let texts = 0;

    beforeAll(async () => {
      cluster = await startCluster({ replicas: 2 });
      app = await start(nodesOf(cluster));
      await cluster.waitForReplication();
    });
    afterAll(async () => {
      await app?.close();
      await cluster?.stop();
    });
    afterEach(async () => {
      for (const replica of cluster.replicas) await replica.resumeReplay();
      await cluster.waitForReplication();
    });

    async function ask(method: 'get' | 'post', handler: string, client = request.agent(app.url)) {
      const text = `text ${(texts += 1)}`;
      const response = await client[method](`/posts/${handler}`).query({ text });
      expect(response.body).toMatchObject({ inside: expect.any(Array) });
      return {
        text,
        report: response.body as Report,
        hasToken: response.headers['set-cookie'] !== undefined,
        isStored:
          (await cluster.primary.query(`SELECT 1 FROM post WHERE text = ${PARAMETER}`, [text])).length > 0,
      };
    }

    /** The server of the one process behind all doors. */
    async function serverOf({ inside }: Report): Promise<string> {
      expect(inside.length).toBeGreaterThanOrEqual(4);
      expect(inside).toEqual(inside.map((view) => ({ ...view, process: inside[0]?.process })));
      for (const node of cluster.nodes) {
        const [row] = await node.query<{ server: string }>(`SELECT ${SERVER} AS server`);
        if (inside[0]?.process.endsWith(` of ${row?.server}`)) return node.name;
      }
      return 'none';
    }

    it('keeps every query inside on its connection to the primary, and a commit leaves a token', async () => {
      const { report, hasToken, isStored } = await ask('post', 'committed');
      expect(await serverOf(report)).toBe('primary');
      expect(new Set(report.inside.map(({ posts }) => posts))).toEqual(new Set([1]));
      expect({ hasToken, isStored }).toEqual({ hasToken: true, isStored: true });
    });

    it('shows the client its committed transaction while the replicas stand still', async () => {
      const client = request.agent(app.url);
      for (const replica of cluster.replicas) await replica.pauseReplay();
      const { text } = await ask('post', 'committed', client);
      const { body, headers } = await client.get('/posts');
      expect(headers['replication-route']).toBe('primary; reason=behind-token');
      expect(body).toContain(text);
    });

    it('leaves nothing behind after a rollback: no row, no token, the route as it was', async () => {
      const { report, hasToken, isStored } = await ask('post', 'rolled-back');
      expect(await serverOf(report)).toBe('primary');
      expect(report.inside[0]?.posts).toBe(1);
      expect({ hasToken, isStored }).toEqual({ hasToken: false, isStored: false });
      expect(report.after).toEqual(report.before);
    });

    it('keeps a transaction that begins inside another on the same connection', async () => {
      const { report, hasToken, isStored } = await ask('post', 'nested');
      expect(await serverOf(report)).toBe('primary');
      expect(new Set(report.inside.map(({ posts }) => posts))).toEqual(new Set([1]));
      expect({ hasToken, isStored }).toEqual({ hasToken: true, isStored: true });
    });

    it('runs a transaction of a read on the replica of the request, and leaves no token', async () => {
      const { report, hasToken } = await ask('get', 'read');
      expect(report.before).toMatchObject({ role: 'replica', reason: 'read-method' });
      expect(await serverOf(report)).toBe(report.before.node);
      expect(report.after).toEqual(report.before);
      expect(hasToken).toBe(false);
    });

    it('refuses a write in a transaction of a read, and the route stays as it was', async () => {
      const { report, hasToken, isStored } = await ask('get', 'undecorated-write');
      expect(report.inside.map(({ door }) => door)).toEqual(['ERR_REPLICATED_REPLICA_WRITE']);
      expect({ hasToken, isStored }).toEqual({ hasToken: false, isStored: false });
      expect(report.after).toEqual(report.before);
    });

    it('reads the primary after a block on the primary has committed', async () => {
      const { report, hasToken, isStored } = await ask('get', 'committed-on-the-primary');
      expect(report.before).toMatchObject({ role: 'replica', reason: 'read-method' });
      expect(await serverOf(report)).toBe('primary');
      expect(report.after).toMatchObject({ role: 'primary', reason: 'wrote-earlier' });
      expect({ hasToken, isStored }).toEqual({ hasToken: true, isStored: true });
    });

    it('reads its replica again after a block on the primary has rolled back', async () => {
      const { report, hasToken, isStored } = await ask('get', 'rolled-back-on-the-primary');
      expect(await serverOf(report)).toBe('primary');
      expect(report.after).toEqual(report.before);
      expect({ hasToken, isStored }).toEqual({ hasToken: false, isStored: false });
    });
  });
}
