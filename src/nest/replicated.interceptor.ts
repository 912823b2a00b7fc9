import 'reflect-metadata';
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { storage } from '../context/storage.js';
import { UnitOfWork, type UnitOrigin } from '../context/unit-of-work.js';
import { HttpOrigin } from '../http/http-origin.js';
import { HandlerMarksReader } from './handler-marks.js';
import { runToEnd } from './run-to-end.js';

/**
 * Gives a handler its unit of work where the module's middleware and guard do not: messages and sockets, decorated or
 * not; HTTP adapters that run no middleware; applications whose DataSources are all made by `createReplicatedDataSource`.
 * Decorators, `routing.rules` and, over HTTP, the method decide it. A unit that is decided already is left alone.
 *
 * ```ts
 * @UseInterceptors(ReplicatedInterceptor) // or { provide: APP_INTERCEPTOR, useClass: ReplicatedInterceptor }
 * @Controller() class StockController { @MessagePattern('stock') stock() { return this.products.find(); } }
 * ```
 */
@Injectable()
export class ReplicatedInterceptor implements NestInterceptor {
  private readonly marks = new HandlerMarksReader();

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const origin = originOf(context);
    const marks = this.marks.read(context.getClass(), context.getHandler());
    const outer = storage.getStore();
    if (!origin || isKnown(outer?.unit, origin, marks.name)) return next.handle();
    const unit = new UnitOfWork(origin, outer?.unit);
    unit.marks = marks;
    const answer = runToEnd(unit, outer ? { unit, outer } : { unit }, () => next.handle());
    return answer as Observable<unknown>;
  }
}

/** `undefined`: fields of GraphQL have their units from the schema. */
function originOf(context: ExecutionContext): UnitOrigin | undefined {
  const type = context.getType<string>();
  if (type === 'http') return requestOf(context);
  return type === 'graphql' ? undefined : { kind: 'message', path: patternOf(context.getHandler(), type) };
}

function isKnown(around: UnitOfWork | undefined, { kind }: UnitOrigin, name: string): boolean {
  for (let unit = around; unit; unit = unit.parent)
    if (unit.origin.kind === kind && unit.marks?.name === name) return true;
  return false;
}

type Wrapped<T> = T & { readonly raw?: T };
type Request = ConstructorParameters<typeof HttpOrigin>[0];
type Response = ConstructorParameters<typeof HttpOrigin>[1];

/** Of Node's own request and response, which Fastify wraps. Others have no head to which a token could be added. */
function requestOf(context: ExecutionContext): UnitOrigin {
  const http = context.switchToHttp();
  const request = http.getRequest<Wrapped<Request>>();
  const response = http.getResponse<Wrapped<Response>>();
  const head = response.raw ?? response;
  if (typeof head.writeHead !== 'function')
    return { kind: 'http', method: request.method, path: request.url?.split('?', 1)[0] };
  const origin = new HttpOrigin(request.raw ?? request, head);
  origin.platformRequest = request;
  return origin;
}

// As in Nest's own constants: of @nestjs/microservices, and of @nestjs/websockets.
const PATTERNS: Readonly<Record<string, string>> = { rpc: 'microservices:pattern', ws: 'message' };

/** What stands for the path of a message: `/stock` of `@MessagePattern('stock')`. */
function patternOf(handler: object, type: string): string | undefined {
  const key = PATTERNS[type];
  const [pattern]: unknown[] = key === undefined ? [] : [Reflect.getMetadata(key, handler)].flat();
  return typeof pattern === 'string' ? `/${pattern.replace(/^\//, '')}` : undefined;
}
