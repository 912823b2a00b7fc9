import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Observable } from 'rxjs';
import { storage } from '../context/storage.js';
import { UnitOfWork } from '../context/unit-of-work.js';
import { HandlerMarksReader } from './handler-marks.js';

/** Opens the unit of work of decorated handlers where no middleware and guard has done so: messages, hybrid applications. */
@Injectable()
export class RouteInterceptor implements NestInterceptor {
  static readonly instance = new RouteInterceptor();
  private readonly marks = new HandlerMarksReader();

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const current = storage.getStore()?.unit;
    if (current?.marks?.name === nameOf(context)) return next.handle();
    const unit = new UnitOfWork({ kind: 'message' }, current);
    unit.marks = this.marks.read(context.getClass(), context.getHandler());
    // The subscription runs inside, not only the call: Observables and SSE produce when subscribed to.
    return new Observable((subscriber) => storage.run({ unit }, () => next.handle().subscribe(subscriber)));
  }
}

function nameOf(context: ExecutionContext): string {
  return `${context.getClass().name}.${context.getHandler().name}`;
}
