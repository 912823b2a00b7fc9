import { ForbiddenException, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { readVisitor } from './visitor-cookie.js';

@Injectable()
export class SignedInGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (readVisitor(context.switchToHttp().getRequest<Request>()) !== undefined) return true;
    throw new ForbiddenException('Sign in with a name first, then write.');
  }
}
