import type { RoutingSettings } from 'nestjs-replicated';
import { html, type Html } from '../pages/html.js';

/** Stands for the flag, or the key in Redis, by which `routing.control` switches all instances of an application. */
export class RoutingSwitch {
  settings: RoutingSettings = { mode: 'route', share: 1 };
}

const SHARES = [
  ['0', 'none'],
  ['0.05', '5 %'],
  ['0.5', '50 %'],
  ['1', 'all'],
] as const;

/** The buttons in the side panel. `share`: the one in force. */
export function shareSwitch(share: number): Html {
  return html`<form class="replay" method="post" action="/cluster/routing" data-live>
    <p>
      Visitors who read replicas: <span id="share">${100 * share} %</span>
      ${SHARES.map(([value, label]) => html`<button name="share" value="${value}">${label}</button>`)}
    </p>
    <p>Who has signed in stays on one side; all others are drawn with every page.</p>
  </form>`;
}
