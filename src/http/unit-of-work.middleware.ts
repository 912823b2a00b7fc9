import type { IncomingMessage, ServerResponse } from 'node:http';
import { storage } from '../context/storage.js';
import { UnitOfWork } from '../context/unit-of-work.js';
import { HttpOrigin } from './http-origin.js';

/** A middleware which opens the unit of work of each request. Guards, pipes, filters and streamed bodies run inside. */
export function unitOfWorkMiddleware(
  request: IncomingMessage,
  response: ServerResponse,
  next: () => void,
): void {
  if (isSocket(request)) return next();
  storage.run({ unit: new UnitOfWork(new HttpOrigin(request, response)) }, next);
}

/** What happens on a socket is not the work of the request that has opened it, and no response follows. */
function isSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}
