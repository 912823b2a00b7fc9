import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Exchange } from '../tokens/carrier.js';
import type { UnitOfWork, UnitOrigin } from '../context/unit-of-work.js';
import type { UnavailableError } from '../errors.js';
import { beforeHead } from './before-head.js';

/** An HTTP request as the origin of a unit of work. */
export class HttpOrigin implements UnitOrigin, Exchange {
  readonly kind = 'http';
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly exchange: Exchange = this;
  /** Fastify's request is known only once its guard runs. */
  platformRequest: unknown;
  private claimed: Set<string> | undefined;
  private routes: Set<string> | undefined;

  constructor(
    readonly request: IncomingMessage & { originalUrl?: string },
    readonly response: ServerResponse,
  ) {
    this.platformRequest = request;
    this.method = request.method;
    this.path = (request.originalUrl ?? request.url)?.split('?', 1)[0];
  }

  /** Whether this is the first time that `cluster` wants to add to the response's head. */
  claimHead(cluster: string): boolean {
    const isFirst = !this.claimed?.has(cluster);
    (this.claimed ??= new Set()).add(cluster);
    return isFirst;
  }

  /** Tells in the response's head what routes the request has taken, each once, in the order of their first use. */
  explain(header: string, route: string): void {
    if (!this.routes) {
      const routes = (this.routes = new Set());
      beforeHead(this.response, () => this.response.setHeader(header, [...routes].join(', ')));
    }
    if (this.routes.size < MAX_ROUTES) this.routes.add(route);
  }

  /** A 503 of ours tells the client when to try again, whichever filter answers it. */
  onUnavailable({ status, retryAfterSeconds }: UnavailableError): void {
    if (this.hasEnded || !this.claimHead('retry-after')) return;
    const { response } = this;
    beforeHead(response, () => {
      if (response.statusCode !== status || response.hasHeader('retry-after')) return;
      response.setHeader('Retry-After', String(retryAfterSeconds));
    });
  }

  get hasEnded(): boolean {
    return this.response.headersSent;
  }
}

/** Of a request that meets many servers; headers have limits. */
const MAX_ROUTES = 20;

/** The unit of a request, with the request. */
export interface HttpUnit {
  readonly unit: UnitOfWork;
  readonly origin: HttpOrigin;
}

/** The request that a unit belongs to, however deep it is nested. */
export function httpUnitOf(within: UnitOfWork | undefined): HttpUnit | undefined {
  const unit = within?.requestUnit;
  return unit?.origin instanceof HttpOrigin ? { unit, origin: unit.origin } : undefined;
}
