import { fileURLToPath } from 'node:url';
import { forkOutsideJest } from '../../outside-jest/fork-outside-jest.js';
import type { Nodes } from '../database-options.js';
import type { RunningApplication } from '../../support/open-app.js';

/** Starts an application in a Node process without jest. `file`, relative to test/neighbours, exports `application`. */
export async function listenOutsideJest(file: string, nodes: Nodes): Promise<RunningApplication> {
  const { message, child, ended } = await forkOutsideJest(new URL('./main.ts', import.meta.url), [
    fileURLToPath(new URL(`../${file}`, import.meta.url)),
    JSON.stringify(nodes),
  ]);
  return {
    url: message as string,
    async close() {
      child.disconnect();
      await ended;
    },
  };
}
