import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Nodes } from '../database-options.js';
import type { RunningApplication } from '../listen.js';

/** Starts an application in a Node process without jest. `file`, relative to test/neighbours, exports `application`. */
export async function listenOutsideJest(file: string, nodes: Nodes): Promise<RunningApplication> {
  const child = fork(pathOf('./main.ts'), [pathOf(`../${file}`), JSON.stringify(nodes)], {
    execArgv: ['--import', new URL('./register.mjs', import.meta.url).href],
  });
  const exited = once(child, 'exit');
  const url = await Promise.race([
    once(child, 'message').then(([message]) => message as string),
    exited.then(([code]) => Promise.reject(new Error(`${file} ended with exit code ${code}`))),
  ]);
  return {
    url,
    async close() {
      child.disconnect();
      await exited;
    },
  };
}

function pathOf(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}
