import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { storage } from '../context/storage.js';
import { HandlerMarksReader } from './handler-marks.js';
import { HttpOrigin } from './http-origin.js';

/** Stands before all other guards and tells the unit of work which handler it belongs to. */
export class RouteGuard implements CanActivate {
  private readonly marks = new HandlerMarksReader();

  canActivate(context: ExecutionContext): boolean {
    const unit = context.getType() === 'http' ? storage.getStore()?.unit : undefined;
    if (unit?.isUndecided) {
      unit.marks = this.marks.read(context.getClass(), context.getHandler());
      if (unit.origin instanceof HttpOrigin)
        unit.origin.platformRequest = context.switchToHttp().getRequest();
    }
    return true;
  }
}
