import { validateHeaderName, validateHeaderValue, type ServerResponse } from 'node:http';

/**
 * Calls `run` right before the head of a response is sent, however that happens: normal, thrown, redirected, streamed
 * and raw responses all pass `writeHead`. `run` sees, and can add to, the headers that `writeHead` is given itself, as
 * Fastify does with all of them: Node would put those in place of what `run` sets.
 */
export function beforeHead(response: ServerResponse, run: () => void): void {
  const writeHead = response.writeHead;
  function writeHeadLater(this: ServerResponse, status: number, ...rest: unknown[]): ServerResponse {
    if (response.headersSent) return Reflect.apply(writeHead, this, [status, ...rest]) as ServerResponse;
    const headers = rest.at(-1);
    if (typeof headers === 'object' && headers !== null) setHeaders(response, headers);
    response.writeHead = writeHead;
    run();
    return Reflect.apply(writeHead, this, [status, ...rest.filter(isReason)]) as ServerResponse;
  }
  response.writeHead = writeHeadLater as typeof writeHead; // Not a literal, which V8 would keep, with the request, until a full collection of garbage.
}

type HeaderValue = string | readonly string[];

/** As Node would. Headers that it would refuse are refused before any is set: another head will follow. */
function setHeaders(response: ServerResponse, headers: object): void {
  const pairs = Array.isArray(headers)
    ? pairsOf(headers)
    : Object.entries(headers as Record<string, HeaderValue>);
  const given = pairs.filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    validateHeaderName(name);
    validateHeaderValue(name, value as string);
  }
  if (Array.isArray(headers)) for (const [name] of given) response.removeHeader(name);
  for (const [name, value] of given) {
    if (Array.isArray(headers)) response.appendHeader(name, value);
    else response.setHeader(name, value);
  }
}

/** Of pairs, or of a flat list of names and values; a name may come again, and a value be a list. */
function pairsOf(headers: readonly unknown[]): readonly (readonly [string, HeaderValue])[] {
  if (Array.isArray(headers[0])) return headers as readonly [string, HeaderValue][];
  return headers.flatMap((name, index) =>
    index % 2 === 0 ? [[name as string, headers[index + 1] as HeaderValue] as const] : [],
  );
}

function isReason(argument: unknown): boolean {
  return typeof argument === 'string';
}
