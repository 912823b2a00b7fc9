// The code of docs/recipes/apollo-gateway.md: keep them the same.
import { RemoteGraphQLDataSource, type GraphQLDataSourceProcessOptions } from '@apollo/gateway';
import type { Request, Response } from 'express';

const HEADER = 'replication-token';

/** The tokens of one operation: what its client brought, and what subgraphs have answered since. */
export class TokenTrail {
  private received: readonly string[] = [];

  constructor(private readonly brought: readonly string[]) {}

  /** For the next subgraph. */
  get forSubgraph(): string {
    return [...this.brought, ...this.received].join(', ');
  }

  /** For the client: an answer of a cluster contains what the client brought of that cluster. */
  get forClient(): string {
    const answered = new Set(this.received.map(clusterOf));
    return [...this.brought.filter((token) => !answered.has(clusterOf(token))), ...this.received].join(', ');
  }

  add(header: string | null | undefined): void {
    this.received = [...new Set([...this.received, ...listOf(header)])];
  }
}

function clusterOf(token: string): string {
  return token.slice(0, token.lastIndexOf(':') + 1);
}

function listOf(header: string | string[] | null | undefined): string[] {
  return String(header ?? '')
    .split(',')
    .flatMap((element) => element.trim() || []);
}

/** The context of an operation; empty while the gateway asks subgraphs for their schemas. */
export interface GatewayContext {
  readonly operation?: { readonly req: Request; readonly res: Response; readonly trail: TokenTrail };
}

/** `context` of the gateway's server: one trail per operation. */
export function createContext({ req, res }: { req: Request; res: Response }): GatewayContext {
  return { operation: { req, res, trail: new TokenTrail(listOf(req.headers[HEADER])) } };
}

/** Passes tokens from the client to subgraphs, from one subgraph to the next, and back. */
export class TokenDataSource extends RemoteGraphQLDataSource<GatewayContext> {
  override willSendRequest({ request, context }: GraphQLDataSourceProcessOptions<GatewayContext>): void {
    if (!context.operation) return;
    const { req, trail } = context.operation;
    if (trail.forSubgraph !== '') request.http?.headers.set(HEADER, trail.forSubgraph);
    if (req.headers.cookie) request.http?.headers.set('cookie', req.headers.cookie);
  }

  override didReceiveResponse({ response, context }: Received) {
    if (!context.operation) return response;
    const { res, trail } = context.operation;
    trail.add(response.http?.headers.get(HEADER));
    if (trail.forClient !== '') res.setHeader(HEADER, trail.forClient);
    const cookies = response.http?.headers.get('set-cookie')?.split(BETWEEN_COOKIES) ?? [];
    for (const cookie of cookies) res.append('set-cookie', cookie);
    return response;
  }
}

type Received = Parameters<NonNullable<RemoteGraphQLDataSource<GatewayContext>['didReceiveResponse']>>[0];

const BETWEEN_COOKIES = /,\s*(?=[^;,=\s]+=)/;
