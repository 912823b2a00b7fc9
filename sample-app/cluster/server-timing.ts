import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { ConnectionSelector } from 'nestjs-replicated';
import { tap, type Observable } from 'rxjs';

/** Tells browsers' network panels which servers a response is from, and how long its reads have waited for replicas. */
@Injectable()
export class ServerTiming implements NestInterceptor {
  constructor(private readonly selector: ConnectionSelector) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const response = context.switchToHttp().getResponse<{ header(name: string, value: string): unknown }>();
    return next.handle().pipe(
      tap(() => {
        const { queries, waitedMs = 0 } = this.selector.summary ?? {};
        const servers = `primary ${queries?.primary ?? 0}, replica ${queries?.replica ?? 0}`;
        response.header('Server-Timing', `replication;dur=${waitedMs};desc="${servers}"`);
      }),
    );
  }
}
