import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { AbstractHttpAdapter } from '@nestjs/core';

type Handler = (request: unknown, response: unknown, next: (error?: unknown) => void) => unknown;

/** What a platform makes of Node's request and response. */
export interface Exchange {
  readonly request: object;
  readonly response: object;
}

/** An HTTP adapter without a framework. It runs no middleware, so nothing of a module stands in front of its handlers. */
export class NodeAdapter extends AbstractHttpAdapter {
  private readonly routes = new Map<string, Handler>();

  constructor(private readonly wrap: (request: IncomingMessage, response: ServerResponse) => Exchange) {
    super({});
  }

  override get(...args: unknown[]): void {
    this.route('GET', args);
  }
  override post(...args: unknown[]): void {
    this.route('POST', args);
  }
  override use(): void {
    // What modules mount is not for this platform.
  }
  override listen(port: string | number, ...rest: unknown[]): unknown {
    return Reflect.apply(this.httpServer.listen, this.httpServer, [port, ...rest]);
  }
  initHttpServer(): void {
    this.httpServer = createServer((request, response) => this.dispatch(request, response));
  }
  async close(): Promise<void> {
    await new Promise((resolve) => this.httpServer.close(resolve));
  }
  getType(): string {
    return 'node';
  }
  getRequestMethod(request: { method: string }): string {
    return request.method;
  }
  getRequestUrl(request: { url: string }): string {
    return request.url;
  }
  getRequestHostname(): string {
    return 'localhost';
  }
  status(response: unknown, statusCode: number): void {
    ownOf(response).statusCode = statusCode;
  }
  reply(response: unknown, body: unknown, statusCode?: number): void {
    const own = ownOf(response);
    if (statusCode !== undefined) own.statusCode = statusCode;
    own.end(typeof body === 'string' ? body : JSON.stringify(body));
  }
  end(response: unknown, message?: string): void {
    ownOf(response).end(message);
  }
  isHeadersSent(response: unknown): boolean {
    return ownOf(response).headersSent;
  }
  getHeader(response: unknown, name: string): unknown {
    return ownOf(response).getHeader(name);
  }
  setHeader(response: unknown, name: string, value: string): void {
    ownOf(response).setHeader(name, value);
  }
  appendHeader(response: unknown, name: string, value: string): void {
    ownOf(response).appendHeader(name, value);
  }
  applyVersionFilter(handler: never): never {
    return handler;
  }
  createMiddlewareFactory(): () => void {
    return () => undefined;
  }
  useStaticAssets(): void {}
  setViewEngine(): void {}
  render(): void {}
  redirect(): void {}
  setErrorHandler(): void {}
  setNotFoundHandler(): void {}
  registerParserMiddleware(): void {}
  enableCors(): void {}

  private route(method: string, args: readonly unknown[]): void {
    this.routes.set(`${method} ${String(args[0])}`, args[1] as Handler);
  }

  private dispatch(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const handler = this.routes.get(`${incoming.method} ${incoming.url}`);
    if (!handler) return void outgoing.writeHead(404).end();
    const { request, response } = this.wrap(incoming, outgoing);
    void handler(request, response, () => outgoing.end());
  }
}

/** Node's own response, by whatever name the platform has it. */
function ownOf(response: unknown): ServerResponse {
  const { native, raw } = response as { native?: ServerResponse; raw?: ServerResponse };
  return native ?? raw ?? (response as ServerResponse);
}
