import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { findChromium, launch } from './chromium.js';
import { startGuestbook, type Guestbook } from './guestbook.js';

const path = findChromium(process.env);
if (path === undefined) {
  console.warn('No Chromium in PATH or CHROMIUM_PATH: the tests in a real browser are left out.');
}

(path === undefined ? describe.skip : describe)('the guestbook in a browser', () => {
  let guestbook: Guestbook;
  let browser: Browser;
  const problems: string[] = [];

  beforeAll(async () => {
    [guestbook, browser] = await Promise.all([startGuestbook(), launch(path as string)]);
  });
  afterAll(async () => {
    await browser?.close();
    await guestbook?.stop();
  });

  /** A visitor with cookies of its own. */
  async function open(options: { javaScriptEnabled?: boolean; width?: number } = {}): Promise<Page> {
    const { javaScriptEnabled = true, width = 1200 } = options;
    const context = await browser.newContext({ javaScriptEnabled, viewport: { width, height: 900 } });
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    await page.goto(guestbook.url);
    return page;
  }

  async function signIn(page: Page, name: string): Promise<void> {
    await page.getByLabel('Your name').fill(name);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText(`Signed in as ${name}`).waitFor();
  }

  async function post(page: Page, text: string): Promise<void> {
    await page.getByLabel('Write in the guestbook').fill(text);
    await page.getByRole('button', { name: 'Post', exact: true }).click();
    await page.waitForURL(/#post-\d+$/);
  }

  const thisPage = (page: Page) => page.locator('#this-page').innerText();

  it.each([true, false])(
    'shows a post to its author while replay is paused (with JavaScript: %s)',
    async (javaScriptEnabled) => {
      const ada = await open({ javaScriptEnabled });
      await signIn(ada, 'Ada');
      const replay = () => ada.getByRole('switch', { name: 'Pause replay on all replicas' });
      await replay().click();
      await ada.getByRole('switch', { checked: true }).waitFor();
      const text = `Written with JavaScript ${javaScriptEnabled}`;
      await post(ada, text);
      expect(await ada.locator('article').first().innerText()).toContain(text);
      expect(await thisPage(ada)).toMatch(/primary\s*·\s*behind-token/);

      const bob = await open();
      await signIn(bob, 'Bob');
      expect(await bob.getByText(text).count()).toBe(0);
      expect(await thisPage(bob)).toMatch(/replica-[12]\s*·\s*read-method\s*·\s*lag/);

      await replay().click();
      await ada.getByRole('switch', { checked: false }).waitFor();
    },
  );

  it('keeps its panel up to date without a reload', async () => {
    const ada = await open();
    const card = ada.locator('[data-name=replica-2]');
    await card.getByRole('button', { name: 'Kill' }).click();
    await card.getByText('unreachable').waitFor();
    await card.getByText('killed').waitFor();
    const bob = await open();
    await signIn(bob, 'Bob');
    await ada.locator('#requests').getByText('Bob').first().waitFor();
    await card.getByRole('button', { name: 'Revive' }).click();
    await card.getByText('usable').waitFor();
    expect(await card.getByRole('button', { name: 'Kill' }).isVisible()).toBe(true);
  });

  it('shows share by reason, waits, stale reads and lag, as they change', async () => {
    const ada = await open();
    await signIn(ada, 'Ada');
    const figures = ada.locator('#figures');
    await figures.getByRole('row', { name: /read-method \d+ %/ }).waitFor();
    const stale = figures.locator('[data-field=staleReads]');
    const waits = figures.locator('[data-field=waits]');
    const [staleBefore, waitsBefore] = [await stale.innerText(), await waits.innerText()];
    const replay = ada.getByRole('switch', { name: 'Pause replay on all replicas' });
    await replay.click();
    await ada.getByRole('switch', { checked: true }).waitFor();
    await post(ada, 'Written to be waited for');
    await figures.getByRole('row', { name: /behind-token \d+ %/ }).waitFor();
    expect(await waits.innerText()).not.toBe(waitsBefore);
    await ada.getByLabel('Search the posts').fill('waited');
    await ada.getByRole('button', { name: 'Search' }).click();
    await ada.getByText('0 found.').waitFor();
    await expect(stale.innerText()).resolves.not.toBe(staleBefore);
    const lag = figures.locator('[data-lag-of=replica-1]');
    await lag.getByText(/lag \d+\.\d s/).waitFor();
    expect(await lag.locator('polyline').getAttribute('points')).toMatch(/^\d+,[\d.]+( \d+,[\d.]+)+$/);
    await replay.click();
    await ada.getByRole('switch', { checked: false }).waitFor();
    await lag.getByText(/lag \d+ ms/).waitFor();
  });

  it('fits on a narrow screen', async () => {
    const page = await open({ width: 320 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320);
  });

  it('caused no errors in the browser', () => {
    expect(problems).toEqual([]);
  });
});
