import { html, type Html } from '../pages/html.js';
import { KEPT, type Figures, type LagSeries } from './figures.js';
import { formatLag } from './format-lag.js';

/** Figures as small charts. `public/guestbook.js` asks for them again every second. */
export function figuresPanel({ routes, waits, waitedMs, staleReads, lag }: Figures): Html {
  const all = routes.reduce((sum, { count }) => sum + count, 0);
  return html`<h2>Share by reason</h2>
    <table class="shares">
      ${routes.map(
        ({ role, reason, count }) =>
          html`<tr>
            <th scope="row">${reason}</th>
            <td>
              <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                <rect data-role="${role}" width="${Math.max(1, percent(count, all))}" height="10" />
              </svg>
            </td>
            <td>${percent(count, all)} %</td>
          </tr>`,
      )}
    </table>
    <dl class="counts">
      <dt>Waits for a replica</dt>
      <dd data-field="waits">${waits}${waits > 0 && html`, ${Math.round(waitedMs / waits)} ms each`}</dd>
      <dt>Stale reads</dt>
      <dd data-field="staleReads">${staleReads}</dd>
    </dl>
    <h2>Lag, last minute</h2>
    ${lag.map((series) => lagChart(series, largest(lag)))}`;
}

function lagChart({ node, lagsMs }: LagSeries, ofAllMs: number): Html {
  const points = lagsMs.map((lagMs, index) => [index, lagMs] as const);
  const line = points.flatMap(([index, lagMs]) =>
    lagMs === undefined ? [] : `${KEPT - lagsMs.length + index},${(30 - (28 * lagMs) / ofAllMs).toFixed(1)}`,
  );
  return html`<figure class="lag-chart" data-lag-of="${node}">
    <figcaption>${node}: ${formatLag(lagsMs.at(-1))}</figcaption>
    <svg viewBox="0 0 ${KEPT} 31" preserveAspectRatio="none" aria-hidden="true">
      <polyline points="${line.join(' ')}" />
    </svg>
  </figure>`;
}

/** One second at least, so that small lags look small. */
function largest(lag: readonly LagSeries[]): number {
  return Math.max(1_000, ...lag.flatMap(({ lagsMs }) => lagsMs.map((lagMs) => lagMs ?? 0)));
}

function percent(count: number, all: number): number {
  return Math.round((100 * count) / Math.max(1, all));
}
