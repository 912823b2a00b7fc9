import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { storage } from '../context/storage.js';
import { HandlerMarksReader } from './handler-marks.js';
import { HttpOrigin } from './http-origin.js';

/** Stands before all other guards and tells the unit of work which handler it belongs to. */
export class RouteGuard implements CanActivate {
  private readonly marks = new HandlerMarksReader();

  canActivate(context: ExecutionContext): boolean {
    if (context.getType() === 'http') this.decide(context);
    return true;
  }

  private decide(context: ExecutionContext): void {
    let unit = storage.getStore()?.unit;
    while (unit?.isBlock) unit = unit.parent; // a middleware has called next() inside `run`
    if (!(unit?.origin instanceof HttpOrigin) || !unit.isUndecided) return;
    unit.marks = this.marks.read(context.getClass(), context.getHandler());
    unit.origin.platformRequest = context.switchToHttp().getRequest();
  }
}
