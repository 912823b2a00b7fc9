import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/**
 * Calls `run` right before the head of a response is sent, however that happens: normal, thrown, redirected, streamed
 * and raw responses all pass `writeHead`. `run` sees, and can add to, the headers that `writeHead` is given itself, as
 * Fastify does with all of them: Node would put those in place of what `run` sets.
 */
export function beforeHead(response: ServerResponse, run: () => void): void {
  const writeHead = response.writeHead;
  response.writeHead = function (this: ServerResponse, status: number, ...rest: unknown[]) {
    response.writeHead = writeHead;
    if (response.headersSent) return Reflect.apply(writeHead, this, [status, ...rest]) as ServerResponse;
    const headers = rest.at(-1);
    if (typeof headers === 'object' && headers !== null) setHeaders(response, headers);
    run();
    return Reflect.apply(writeHead, this, [status, ...rest.filter(isReason)]) as ServerResponse;
  } as typeof response.writeHead;
}

/** As Node would: pairs, or a flat list of names and values, in which a name may come again. */
function setHeaders(response: ServerResponse, headers: object): void {
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers as OutgoingHttpHeaders)) {
      if (value !== undefined) response.setHeader(name, value);
    }
    return;
  }
  const flat = headers.flat() as string[];
  const pairs = flat.flatMap((name, index) =>
    index % 2 === 0 ? [[name, flat[index + 1] ?? ''] as const] : [],
  );
  for (const [name] of pairs) response.removeHeader(name);
  for (const [name, value] of pairs) response.appendHeader(name, value);
}

function isReason(argument: unknown): boolean {
  return typeof argument === 'string';
}
