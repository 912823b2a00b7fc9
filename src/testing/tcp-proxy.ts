export interface TcpProxy {
  port: number;
  close(): Promise<void>;
}
export async function startTcpProxy(_t: { host: string; port: number }): Promise<TcpProxy> {
  throw new Error('not yet');
}
