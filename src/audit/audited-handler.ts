import type { Intent, IntentReason } from '../routing/route.js';

/**
 * What calls a handler. `'method'`: code of the application, since a decorator makes any method of a provider a unit of work
 * of its own. `'rule'`: no handler, but a rule that is for none.
 */
export type AuditedKind =
  | 'http'
  | 'query'
  | 'mutation'
  | 'subscription'
  | 'field'
  | 'message'
  | 'event'
  | 'gateway'
  | 'cron'
  | 'interval'
  | 'timeout'
  | 'job'
  | 'listener'
  | 'method'
  | 'rule';

/** A handler, and where its queries go unless code says otherwise. */
export interface AuditedHandler {
  readonly kind: AuditedKind;
  /** HTTP method: `GET`, or `ALL`. */
  readonly method?: string;
  /** `/posts/:id`; of GraphQL `Query.posts`; of others the pattern, the schedule or the queue. */
  readonly path?: string;
  /** `PostsController.visit` */
  readonly handler: string;
  /** `'either'`: as the HTTP method, or the GraphQL operation, of the call says. */
  readonly intent: Intent | 'either';
  readonly reason: IntentReason;
  /** Rules that change it for some of its paths: `/posts/latest: primary`. */
  readonly exceptions?: readonly string[];
  /** What is wrong, and what to do. */
  readonly problems: readonly string[];
}
