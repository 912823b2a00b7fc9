import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { waitUntil } from 'nestjs-replicated/testing';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** An application of `examples/`, in a process of its own. */
export interface Example {
  readonly url: string;
  stop(): Promise<void>;
}

/** `npm run example name`, on ports that are free. */
export async function startExample(name: string, env: NodeJS.ProcessEnv): Promise<Example> {
  const [port, tcpPort] = [await freePort(), await freePort()];
  const command = ['--import', './scripts/run-sources.mjs', 'examples/run.ts', name];
  const child = spawn(process.execPath, command, {
    cwd: ROOT,
    env: { ...process.env, ...env, PORT: String(port), TCP_PORT: String(tcpPort) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  await waitUntil(() => hasEnded() || output.includes('listens at'), { timeoutMs: 60_000, message: name });
  if (hasEnded()) throw new Error(`The example ended before it listened:\n${output}`);
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      if (hasEnded()) return;
      child.kill('SIGTERM');
      await once(child, 'close');
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
