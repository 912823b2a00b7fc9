import type { IncomingMessage, ServerResponse } from 'node:http';
import { storage } from '../context/storage.js';
import { UnitOfWork } from '../context/unit-of-work.js';
import { HttpOrigin } from './http-origin.js';

/** Called with every new unit of work of an HTTP request. */
export type UnitListener = (unit: UnitOfWork, origin: HttpOrigin) => void;

/** A middleware which opens the unit of work of each request. Guards, pipes, filters and streamed bodies run inside. */
export function unitOfWorkMiddleware(listeners: readonly UnitListener[]) {
  return (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    if (isSocket(request)) return next();
    const origin = new HttpOrigin(request, response);
    const unit = new UnitOfWork(origin);
    for (const listener of listeners) listener(unit, origin);
    storage.run({ unit }, next);
  };
}

/** What happens on a socket is not the work of the request that has opened it, and no response follows. */
function isSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}
