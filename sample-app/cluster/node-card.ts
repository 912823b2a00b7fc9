import { html, type Html } from '../pages/html.js';
import { FAULTS, type Condition, type Fault } from './breakable-node.js';
import type { NodeStatus } from './cluster-status.js';
import { formatLag } from './format-lag.js';

/** A node with its state, its lag, and what can be done to it. Buttons that make no sense now are hidden. */
export function nodeCard(node: NodeStatus): Html {
  const { name, role, state, detail, lagMs, condition, possibleFaults } = node;
  return html`<form class="node" method="post" action="/cluster/faults" data-live data-name="${name}">
    <input type="hidden" name="node" value="${name}" />
    <p>
      <span class="chip" data-field="role" data-role="${role}">${name}</span>
      <span class="state" data-field="state" data-state="${state}">${state}</span>
      <span class="condition" data-field="condition"
        >${condition !== undefined && CONDITIONS[condition]}</span
      >
      <span class="lag" data-field="lag">${role === 'replica' && formatLag(lagMs)}</span>
    </p>
    <p class="detail" data-field="detail">${detail}</p>
    ${
      condition !== undefined &&
      html`<p class="faults">
        ${FAULTS.map((fault) => faultButton(name, fault, { isPossible: possibleFaults.includes(fault) }))}
      </p>`
    }
  </form>`;
}

export function replaySwitch(isPaused: boolean): Html {
  return html`<form class="replay" method="post" action="/cluster/replay" data-live>
    <button
      id="replay"
      role="switch"
      name="fault"
      aria-checked="${String(isPaused)}"
      value="${isPaused ? 'resume-replay' : 'pause-replay'}"
    >
      <span class="knob"></span> Pause replay on all replicas
    </button>
    <p>Nothing that is written arrives there then. Authors see it all the same; others do not.</p>
  </form>`;
}

function faultButton(node: string, fault: Fault, { isPossible }: { isPossible: boolean }): Html {
  const hidden = isPossible ? undefined : html`hidden`;
  return html`<button
    name="fault"
    value="${fault}"
    title="${HINTS[fault]}"
    aria-label="${LABELS[fault]} ${node}"
    ${hidden}
  >
    ${LABELS[fault]}
  </button>`;
}

/** What of a node's condition its state does not say. */
const CONDITIONS: Readonly<Record<Condition, string>> = {
  running: '',
  'replay-paused': 'replay paused',
  blackholed: 'blackholed',
  killed: 'killed',
};

const LABELS: Readonly<Record<Fault, string>> = {
  'pause-replay': 'Pause',
  'resume-replay': 'Resume',
  blackhole: 'Blackhole',
  kill: 'Kill',
  revive: 'Revive',
};

const HINTS: Readonly<Record<Fault, string>> = {
  'pause-replay': 'Stop applying what the primary sends',
  'resume-replay': 'Apply it again',
  blackhole: 'Swallow every byte between the application and this node',
  kill: 'kill -9',
  revive: 'Start it, or let the bytes through again',
};
