import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Exchange } from '../consistency/carrier.js';
import type { UnitOrigin } from '../context/unit-of-work.js';

/** An HTTP request as the origin of a unit of work. Everything is read when asked for. */
export class HttpOrigin implements UnitOrigin, Exchange {
  readonly kind = 'http';
  /** Fastify's request is known only once its guard runs. */
  platformRequest: unknown;

  constructor(
    readonly request: IncomingMessage & { originalUrl?: string },
    readonly response: ServerResponse,
  ) {
    this.platformRequest = request;
  }

  get method(): string | undefined {
    return this.request.method;
  }

  get path(): string | undefined {
    const url = this.request.originalUrl ?? this.request.url;
    const end = url?.indexOf('?') ?? -1;
    return end < 0 ? url : url?.slice(0, end);
  }

  get exchange(): Exchange {
    return this;
  }

  get hasEnded(): boolean {
    return this.response.headersSent;
  }
}
