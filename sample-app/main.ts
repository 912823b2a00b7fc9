import { fileURLToPath } from 'node:url';
import { TestingError } from 'nestjs-replicated/testing';
import { stopOnSignal } from './shutdown.js';
import { startGuestbook, type Guestbook } from './start-guestbook.js';

const publicFolder = fileURLToPath(new URL('./public', import.meta.url));
const log = (line: string): void => console.log(`[guestbook] ${line}`);

const starting = startGuestbook({ env: process.env, publicFolder, log });
const stopping = stopOnSignal(async () => (await starting.catch(() => undefined))?.stop(), log);
starting.then(welcome, giveUp);

function welcome({ port }: Guestbook): void {
  const url = `http://localhost:${port}`;
  log(`Listening at ${url} (Ctrl-C stops it)`);
  log(
    `Try: curl -si ${url} | grep -i replication-route; curl -si ${url}/visit | grep -i replication-; curl -s ${url}/cluster`,
  );
}

/** What this machine lacks is said without a stack. */
function giveUp(error: unknown): void {
  if (stopping.aborted) return; // Ctrl-C reaches what was being started, too
  console.error(error instanceof TestingError ? error.message : error);
  process.exit(1);
}
