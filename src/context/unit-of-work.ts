import type { Exchange } from '../tokens/carrier.js';
import type { HandlerMark } from '../routing/resolve-intent.js';
import type { UnavailableError } from '../errors.js';
import { ClusterWork } from './cluster-work.js';

/** What the decorators say of a handler and of its controller. One object per handler, by which it is known. */
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
  /** A token that came by other ways, such as the data of a job. */
  readonly tokens?: { readonly cluster: string; readonly text: string } | undefined;
  /** Whether the response's head is sent, so that it cannot carry a token any more. */
  readonly hasEnded?: boolean;
  /** A query of the unit failed because no server may answer it now. */
  onUnavailable?(error: UnavailableError): void;
}

/** A request, message, resolver, job or `run` block, and what it has done so far on each cluster. */
export class UnitOfWork {
  /** `undefined` until the handler is known: middleware of the application runs before that. */
  marks: HandlerMarks | undefined;
  private phase: 'before' | 'running' | 'ended' = 'before';
  private readonly works: ClusterWork[] = [];

  constructor(
    readonly origin: UnitOrigin,
    readonly parent?: UnitOfWork,
  ) {}

  /** Tells a unit its handler. What it chose before, for code in front of the handler, does not bind that. */
  decide(marks: HandlerMarks): void {
    this.marks = marks;
    for (const work of this.works) work.choice = undefined;
  }

  /** Whether the call of a handler that begins now is the one that the unit is for. */
  begin(): boolean {
    if (this.phase !== 'before' || !this.marks) return false;
    this.phase = 'running';
    return true;
  }

  /** Its handler, or block, has answered or failed. */
  end(): void {
    this.phase = 'ended';
  }

  /**
   * Whether its handler has ended, so that the unit has no say any more in what is written in its context. An operation
   * ends with the response of its request, and so does a request of which no handler was called.
   */
  get hasEnded(): boolean {
    if (this.phase !== 'before') return this.phase === 'ended';
    const { kind } = this.origin;
    return (kind === 'http' || kind === 'operation') && this.request?.hasEnded === true;
  }

  /** What the unit has done on a cluster. */
  on(cluster: string): ClusterWork {
    for (const work of this.works) if (work.cluster === cluster) return work;
    const work = new ClusterWork(cluster, this.parent?.on(cluster));
    this.works.push(work);
    return work;
  }

  /** Tells whoever answers the request that a server is missing. */
  noteUnavailable(error: UnavailableError): void {
    this.origin.onUnavailable?.(error);
    this.parent?.noteUnavailable(error);
  }

  /** The innermost handler that is known. */
  get handlerMarks(): HandlerMarks | undefined {
    return this.marks ?? this.parent?.handlerMarks;
  }

  /** Its name: `PostsController.visit`. */
  get handler(): string | undefined {
    return this.handlerMarks?.name;
  }

  /** The request that it belongs to, however deep it is nested. */
  get request(): UnitOrigin | undefined {
    return this.origin.kind === 'http' ? this.origin : this.parent?.request;
  }

  /** Whether its handler can still become known. */
  get isUndecided(): boolean {
    if (this.marks) return false;
    return this.isBlock ? (this.parent?.isUndecided ?? false) : this.origin.kind === 'http';
  }

  /** A `run` block speaks for one cluster; on the others the unit around it goes on. */
  get isBlock(): boolean {
    return this.origin.kind === 'run' && this.marks === undefined;
  }
}
