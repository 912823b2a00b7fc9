import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { readVisitor } from './visitor-cookie.js';

/** The visitor's name; `undefined` unless signed in. */
export const Visitor = createParamDecorator((_: unknown, context: ExecutionContext) =>
  readVisitor(context.switchToHttp().getRequest<Request>()),
);
