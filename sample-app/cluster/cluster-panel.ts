import type { NodeSnapshot, Route } from 'nestjs-replicated';
import { html, type Html } from '../pages/html.js';
import { nodeCard, replaySwitch } from './node-card.js';
import type { ClusterStatus } from './cluster-status.js';
import { figuresPanel } from './figures-panel.js';
import { formatLag } from './format-lag.js';
import { REASONS } from './reasons.js';
import type { LoggedRequest } from './request-log.js';
import { shareSwitch } from './routing-switch.js';

/** The side panel: what happens behind the page. `public/guestbook.js` keeps it up to date. */
export function clusterPanel(
  { nodes, isReplayPaused, routing, requests, figures }: ClusterStatus,
  route: Route | undefined,
): Html {
  return html`<aside class="panel" aria-label="Behind this page">
    ${thisPage(route, nodes)}
    <section>
      <h2>Nodes</h2>
      ${nodes.map(nodeCard)} ${isReplayPaused !== undefined && replaySwitch(isReplayPaused)}
      ${shareSwitch(routing.share)}
    </section>
    <section id="figures">${figuresPanel(figures)}</section>
    <section>
      <h2>Recent requests</h2>
      <ol class="requests" id="requests">
        ${requests.map(requestItem)}
      </ol>
      <template id="request">${requestItem(undefined)}</template>
    </section>
  </aside>`;
}

function thisPage(route: Route | undefined, nodes: readonly Pick<NodeSnapshot, 'name' | 'lagMs'>[]): Html {
  if (route === undefined) {
    return html`<section class="this-page" id="this-page">
      <h2>This page</h2>
      <p>did not need the database.</p>
    </section>`;
  }
  const { role, node, reason } = route;
  const lagMs = nodes.find(({ name }) => name === node)?.lagMs;
  return html`<section class="this-page" id="this-page" data-node="${node}" data-reason="${reason}">
    <h2>This page</h2>
    <p class="answer">
      <span class="chip" data-role="${role}">${node}</span> ·
      ${reason}${role === 'replica' && html` · ${formatLag(lagMs)}`}
    </p>
    <p>${REASONS[reason]}</p>
  </section>`;
}

/** With nothing in it: the template that the page's script fills. */
function requestItem(request: LoggedRequest | undefined): Html {
  const { visitor, method, path, status, role, node, reason, lagMs, tookMs } = request ?? {};
  return html`<li>
    <p>
      <span class="what"><b data-field="method">${method}</b> <span data-field="path">${path}</span></span>
      <span class="faint"
        ><span data-field="status">${status}</span> · <span data-field="tookMs">${tookMs}</span> ms</span
      >
      <span class="who" data-field="visitor">${visitor ?? (request && 'somebody')}</span>
    </p>
    <p>
      <span class="chip" data-field="node" data-role="${role}">${node}</span>
      <span data-field="reason">${reason}</span>
      <span class="faint" data-field="lag">${role === 'replica' && formatLag(lagMs)}</span>
    </p>
  </li>`;
}
