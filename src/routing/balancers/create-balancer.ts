import type { Balancer } from './balancer.js';
import { OwnBalancer } from './own-balancer.js';
import { RoundRobinBalancer } from './round-robin-balancer.js';
import { LeastBusyBalancer, RandomBalancer } from './weighted-balancers.js';

/** The balancers that have a name. */
export const BALANCERS = {
  'least-busy': (random: () => number): Balancer => new LeastBusyBalancer(random),
  'round-robin': (): Balancer => new RoundRobinBalancer(),
  random: (random: () => number): Balancer => new RandomBalancer(random),
};

/** Name of a balancer. */
export type BalancerName = keyof typeof BALANCERS;

/**
 * Makes the balancer of a name, or one that asks the application's. `random` answers from 0 to below 1; `onFailed` is told
 * when the application's fails.
 */
export function createBalancer(
  balancing: BalancerName | Balancer,
  random: () => number,
  onFailed: (error: unknown) => void,
): Balancer {
  return typeof balancing === 'string'
    ? BALANCERS[balancing](random)
    : new OwnBalancer(balancing, random, onFailed);
}
