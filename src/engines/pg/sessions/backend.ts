import { BACKEND, type Backend, type PgClient } from '../internals.js';

/** Notes of a connection which process serves it. Only those that read are noted: a write is never ended from here. */
export function noteBackend(client: PgClient, backend: Backend): void {
  Object.defineProperty(client, BACKEND, { value: backend, configurable: true });
}

/** The process that serves a connection and nobody else. */
export function ownBackendOf(client: PgClient): Backend | undefined {
  const backend = client[BACKEND];
  return backend?.isPooled === false ? backend : undefined;
}
