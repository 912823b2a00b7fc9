import { ForbiddenException, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';

/** Refuses forms that another site sends. Browsers say where a form comes from; curl does not, and may pass. */
@Injectable()
export class SameOriginGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { method, headers } = context.switchToHttp().getRequest<Request>();
    if (method !== 'POST' || isSameOrigin(headers)) return true;
    throw new ForbiddenException('This form was sent from another site.');
  }
}

function isSameOrigin({ origin, host, 'sec-fetch-site': site }: Request['headers']): boolean {
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host);
}
