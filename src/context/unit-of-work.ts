import type { Exchange } from '../consistency/carrier.js';
import type { UnitKind, HandlerMark } from '../routing/resolve-intent.js';
import { ClusterWork } from './cluster-work.js';

/** What the decorators say of a handler and of its controller. */
export interface HandlerMarks {
  /** `PostsController.visit`. */
  readonly name: string;
  readonly handler: HandlerMark | undefined;
  readonly controller: HandlerMark | undefined;
}

/** Where a unit of work comes from. */
export interface UnitOrigin {
  /** `'http'` units learn their handler from the guard, the others know it from the start. */
  readonly kind: 'http' | 'operation' | 'message' | 'run';
  /** HTTP method, upper case. */
  readonly method?: string | undefined;
  /** Path of the request, without its query string. */
  readonly path?: string | undefined;
  readonly operation?: 'query' | 'mutation' | 'subscription' | undefined;
  /** The request and response, where tokens travel. */
  readonly exchange?: Exchange | undefined;
}

/** A request, message, resolver, job or `run` block, and what it has done so far on each cluster. */
export class UnitOfWork {
  /** `undefined` until the handler is known: middleware of the application runs before that. */
  marks: HandlerMarks | undefined;
  /** The response has been sent, or the block has ended: nothing can leave a token any more. */
  hasEnded = false;
  private readonly works = new Map<string, ClusterWork>();

  constructor(
    readonly origin: UnitOrigin,
    readonly parent?: UnitOfWork,
  ) {}

  /** What the unit has done on a cluster. */
  on(cluster: string): ClusterWork {
    let work = this.works.get(cluster);
    if (!work) {
      work = new ClusterWork(this.parent?.on(cluster));
      this.works.set(cluster, work);
    }
    return work;
  }

  /** Whether its handler can still become known. */
  get isUndecided(): boolean {
    return this.origin.kind === 'http' && this.marks === undefined;
  }
}
