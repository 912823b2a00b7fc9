import { Pool } from 'undici';
import { answer } from '../measure/child.js';
import { blast } from './blast.js';
import { Browser } from './browser.js';
import { visit } from './visits.js';

answer({
  blast,
  visit,
  /** What a client that has posted there sends from then on. */
  async cookieOfWriter({ port, path }: { port: number; path: string }): Promise<string | undefined> {
    const pool = new Pool(`http://127.0.0.1:${port}`);
    const browser = new Browser(pool, 30_000);
    await browser.request('POST', path);
    await pool.close();
    return browser.cookie;
  },
});
