import { AsyncLocalStorage } from 'node:async_hooks';
import type { CallHandler, CanActivate, INestApplication, NestInterceptor } from '@nestjs/common';
import type { PlatformParts } from './variant.js';

/** Adds to a plain application what any per-request router needs of the platform, doing nothing with it. */
export function addPlatformParts(app: INestApplication, parts: PlatformParts): void {
  if (parts === 'none') return;
  const storage = new AsyncLocalStorage<object>();
  app.use((_request: unknown, _response: unknown, next: () => void) => storage.run({}, next));
  if (parts !== 'storage') app.useGlobalGuards(new EmptyGuard());
  if (parts === 'storage-guard-interceptor') app.useGlobalInterceptors(new EmptyInterceptor());
}

class EmptyGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

class EmptyInterceptor implements NestInterceptor {
  intercept(_context: unknown, next: CallHandler) {
    return next.handle();
  }
}
