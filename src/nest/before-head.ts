import type { ServerResponse } from 'node:http';

/**
 * Calls `run` right before the head of a response is sent, however that happens: normal, thrown, redirected, streamed
 * and raw responses all pass `writeHead`. Headers that `writeHead` is given itself stay as they are.
 */
export function beforeHead(response: ServerResponse, run: () => void): void {
  const writeHead = response.writeHead;
  response.writeHead = function (this: ServerResponse, ...args: unknown[]) {
    response.writeHead = writeHead;
    if (!response.headersSent) run();
    return Reflect.apply(writeHead, this, args) as ServerResponse;
  } as typeof response.writeHead;
}
