import { AsyncResource } from 'node:async_hooks';
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Request, Response } from 'express';
import {
  ConnectionSelector,
  InjectCluster,
  InjectConnectionSelector,
  type ReplicationCluster,
} from 'nestjs-replicated';
import type { Observable } from 'rxjs';
import { readVisitor } from '../visitors/visitor-cookie.js';
import { RequestLog } from './request-log.js';

/** Notes every request that used the database. */
@Injectable()
export class RequestLogInterceptor implements NestInterceptor {
  constructor(
    @InjectConnectionSelector() private readonly selector: ConnectionSelector,
    @InjectCluster() private readonly cluster: ReplicationCluster,
    private readonly log: RequestLog,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const response = http.getResponse<Response>();
    const startedMs = performance.now();
    // The route belongs to this request's unit of work, which an event would otherwise not be part of.
    const note = AsyncResource.bind(() =>
      this.#note(http.getRequest<Request>(), response.statusCode, startedMs),
    );
    response.once('finish', note);
    return next.handle();
  }

  #note(request: Request, status: number, startedMs: number): void {
    const { route } = this.selector;
    if (route === undefined) return;
    const { lagMs } = this.cluster.nodes.find(({ name }) => name === route.node) ?? {};
    const { method, path } = request;
    const tookMs = Math.round(performance.now() - startedMs);
    this.log.add({ ...route, visitor: readVisitor(request), method, path, status, lagMs, tookMs });
  }
}
