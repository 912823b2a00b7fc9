import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Request } from 'express';
import { map, type Observable } from 'rxjs';
import { readVisitor } from '../visitors/visitor-cookie.js';
import { PageFrame } from './page-frame.js';
import { Page } from './page.js';

/** Puts the frame around the pages that handlers return. */
@Injectable()
export class PageInterceptor implements NestInterceptor {
  constructor(private readonly frame: PageFrame) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const visitor = readVisitor(context.switchToHttp().getRequest<Request>());
    return next
      .handle()
      .pipe(map((value) => (value instanceof Page ? this.frame.render(value, visitor) : value)));
  }
}
