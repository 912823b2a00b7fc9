import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Route } from '../../routing/route.js';
import { RouteListeners } from './route-listeners.js';

const ROUTE: Route = { role: 'replica', node: 'replica-1', reason: 'read-method' };

describe('listeners of routes', () => {
  let problems: unknown[];
  let listeners: RouteListeners;
  beforeEach(() => {
    problems = [];
    listeners = new RouteListeners((error) => problems.push((error as Error).message));
  });
  const settle = () => new Promise(setImmediate);

  it('are told of every route until they end it', () => {
    const told: Route[] = [];
    const end = listeners.add((route) => told.push(route));
    listeners.tell(ROUTE);
    end();
    listeners.tell(ROUTE);
    expect(told).toEqual([ROUTE]);
  });

  it('that throw, or reject, are reported once each, and are no matter to others', async () => {
    const told: Route[] = [];
    listeners.add(() => {
      throw new Error('at once');
    });
    listeners.add(async () => {
      await settle();
      throw new Error('later');
    });
    listeners.add(() => Promise.reject(new Error('as a promise')) as never);
    listeners.add((route) => told.push(route));
    for (let times = 0; times < 3; times++) listeners.tell(ROUTE);
    await settle();
    await settle();
    expect(problems.toSorted()).toEqual(['as a promise', 'at once', 'later']);
    expect(told).toEqual([ROUTE, ROUTE, ROUTE]);
  });

  it('may end their own subscription while they are told', () => {
    let times = 0;
    const end = listeners.add(() => {
      times += 1;
      end();
    });
    listeners.tell(ROUTE);
    listeners.tell(ROUTE);
    expect(times).toBe(1);
  });
});
