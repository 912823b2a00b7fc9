import type { ConsistencyLevel } from '../routing/resolve-intent.js';
import { markRoute, type RouteDecorator } from './route.decorators.js';

/**
 * `consistency.level` for one handler, or for every handler of a controller; the handler's wins. `'session'`: a client
 * sees its own writes. `'eventual'`: its tokens are not asked for, and what the handler writes leaves none.
 * `'primary'`: clients with a live token read the primary.
 *
 * ```ts
 * @Get('trending') @Consistency('eventual') trending() { return this.posts.find(mostRead); }
 * ```
 */
export function Consistency(level: ConsistencyLevel): RouteDecorator {
  return markRoute({ consistency: level });
}
