import { fileURLToPath } from 'node:url';
import { stopOnSignal } from './shutdown.js';
import { startGuestbook } from './start-guestbook.js';

const publicFolder = fileURLToPath(new URL('../public', import.meta.url));
const log = (line: string): void => console.log(`[guestbook] ${line}`);

const starting = startGuestbook({ env: process.env, publicFolder, log });
stopOnSignal(async () => (await starting).stop(), log);

const { port } = await starting;
const url = `http://localhost:${port}`;
log(`Listening at ${url} (Ctrl-C stops it)`);
log(
  `Try: curl -si ${url} | grep -i replication-route; curl -si ${url}/visit | grep -i replication-; curl -s ${url}/cluster`,
);
