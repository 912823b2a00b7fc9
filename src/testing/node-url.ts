import type { TcpAddress } from './tcp-proxy.js';

/** Who logs in, and where to. */
export interface Login {
  role: string;
  password?: string | undefined;
  /** Default: none, which not every server allows. */
  database?: string;
}

/** The connection URL of a login at a server. */
export function formatUrl(protocol: string, { host, port }: TcpAddress, login: Login): string {
  const { role, password, database } = login;
  const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
  const path = database === undefined ? '' : `/${encodeURIComponent(database)}`;
  return `${protocol}://${encodeURIComponent(role)}${secret}@${host}:${port}${path}`;
}
