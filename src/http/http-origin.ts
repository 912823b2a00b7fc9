import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Exchange } from '../tokens/carrier.js';
import type { UnitOrigin } from '../context/unit-of-work.js';
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
