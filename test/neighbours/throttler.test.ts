import { describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { listenOutsideJest } from './outside-jest/listen-outside-jest.js';
import { withCluster } from './with-cluster.js';

describe('@nestjs/throttler, with a storage on the same database', () => {
  const stage = withCluster((nodes) => listenOutsideJest('throttler.application.ts', nodes));
  const get = (client: string) => request(stage.app.url).get('/posts').set('x-client', client);

  it('counts on the primary, and the handler reads a replica', async () => {
    const { headers } = await get('one').expect(200);
    expect(headers['replication-route']).toMatch(/^replica-[12]; reason=read-method$/);
    expect(headers['set-cookie']).toBeUndefined();
    expect(headers['x-ratelimit-remaining']).toBe('1');
  });

  it('counts right while the replicas stand still, and a refused request reads nothing', async () => {
    for (const replica of stage.cluster.replicas) await replica.pauseReplay();
    await get('two').expect(200);
    await get('two').expect(200);
    const { headers } = await get('two').expect(429);
    expect(headers['replication-route']).toBeUndefined();
  });
});
