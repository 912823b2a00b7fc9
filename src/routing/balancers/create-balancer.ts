import type { Balancer } from './balancer.js';
import { LeastBusyBalancer } from './least-busy-balancer.js';
import { RandomBalancer } from './random-balancer.js';
import { RoundRobinBalancer } from './round-robin-balancer.js';

/** The balancers that have a name. */
export const BALANCERS = {
  'least-busy': (random: () => number): Balancer => new LeastBusyBalancer(random),
  'round-robin': (): Balancer => new RoundRobinBalancer(),
  random: (random: () => number): Balancer => new RandomBalancer(random),
};

/** Name of a balancer. */
export type BalancerName = keyof typeof BALANCERS;

/** Makes the balancer of a name, and passes on one that is already made. `random` answers from 0 to below 1. */
export function createBalancer(balancing: BalancerName | Balancer, random: () => number): Balancer {
  return typeof balancing === 'string' ? BALANCERS[balancing](random) : balancing;
}
