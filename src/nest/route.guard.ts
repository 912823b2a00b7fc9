import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { storage } from '../context/storage.js';
import type { HandlerMarks, UnitOfWork } from '../context/unit-of-work.js';
import { HandlerMarksReader } from './handler-marks.js';
import { HttpOrigin } from '../http/http-origin.js';

/** Stands before all other guards and tells the unit of work which handler it belongs to. */
export class RouteGuard implements CanActivate {
  private readonly marks = new HandlerMarksReader();
  private readonly fields = new WeakMap<HandlerMarks, HandlerMarks>();

  canActivate(context: ExecutionContext): boolean {
    let unit = storage.getStore()?.unit;
    while (unit?.isBlock) unit = unit.parent; // a middleware has called next() inside `run`
    const type = context.getType<string>();
    if (type === 'http') this.decideRequest(context, unit);
    if (type === 'graphql') this.decideField(context, unit);
    return true;
  }

  private decideRequest(context: ExecutionContext, unit: UnitOfWork | undefined): void {
    if (!(unit?.origin instanceof HttpOrigin) || !unit.isUndecided) return;
    unit.decide(this.marks.read(context.getClass(), context.getHandler()));
    unit.origin.platformRequest = context.switchToHttp().getRequest();
  }

  /** A field has its unit, and its name, from the schema; of its decorators only Nest knows. */
  private decideField(context: ExecutionContext, unit: UnitOfWork | undefined): void {
    if (unit?.origin.kind !== 'operation' || !unit.marks) return;
    const { handler, controller } = this.marks.read(context.getClass(), context.getHandler());
    const { marks } = unit;
    if (marks.handler === handler && marks.controller === controller) return;
    let decided = this.fields.get(marks);
    if (!decided) this.fields.set(marks, (decided = { name: marks.name, handler, controller }));
    unit.decide(decided);
  }
}
