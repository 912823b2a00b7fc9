// Draws docs/guestbook.png: the guestbook as the author of a post sees it while the replicas' replay is paused. Needs a
// Chromium in PATH.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const guestbook = spawn(process.execPath, ['--import', './scripts/run-sources.mjs', 'sample-app/main.ts'], {
  env: { ...process.env, PORT: '3787' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  await draw(await listening());
} finally {
  await browser.close();
  guestbook.kill('SIGTERM');
  await once(guestbook, 'exit');
}

async function listening() {
  for await (const line of createInterface(guestbook.stdout)) {
    const [, url] = /Listening at (\S+)/.exec(line) ?? [];
    if (url) return url;
  }
  throw new Error('The guestbook did not start.');
}

async function draw(url) {
  const page = await browser.newPage({ viewport: { width: 1100, height: 720 } });
  await page.goto(url);
  await page.getByLabel('Your name').fill('Ada');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await post(page, 'Replicas are close behind.');
  await page.getByRole('switch', { name: 'Pause replay on all replicas' }).click();
  await page.getByRole('switch', { checked: true }).waitFor();
  await post(page, 'Their replay is paused, and I see this all the same.');
  await page.goto(url);
  await page.screenshot({ path: 'docs/guestbook.png' });
}

async function post(page, text) {
  await page.getByLabel('Write in the guestbook').fill(text);
  await page.getByRole('button', { name: 'Post', exact: true }).click();
  await page.waitForURL(/#post-\d+$/);
}
