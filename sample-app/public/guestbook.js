// The pages work without this script. It keeps the side panel up to date and spares a reload for its buttons.

const POLL_MS = 1_000;

const CONDITIONS = { 'replay-paused': 'replay paused', blackholed: 'blackholed', killed: 'killed' };

async function refresh() {
  if (document.hidden) return;
  const [status, figures] = await Promise.all([fetch('/cluster'), fetch('/cluster/figures')]);
  if (status.ok) show(await status.json());
  // Escaped where it was made: the page has the same.
  if (figures.ok) document.querySelector('#figures').innerHTML = await figures.text();
}

function show({ nodes, isReplayPaused, routing, requests }) {
  document.querySelector('#share').textContent = `${100 * routing.share} %`;
  for (const node of nodes) showNode(node);
  const replay = document.querySelector('#replay');
  if (replay && isReplayPaused !== undefined) {
    replay.ariaChecked = String(isReplayPaused);
    replay.value = isReplayPaused ? 'resume-replay' : 'pause-replay';
  }
  document.querySelector('#requests').replaceChildren(...requests.map(requestItem));
}

function showNode(node) {
  const card = document.querySelector(`[data-name="${CSS.escape(node.name)}"]`);
  if (!card) return;
  fill(card, {
    state: node.state,
    detail: node.detail,
    condition: CONDITIONS[node.condition],
    lag: lagOf(node),
  });
  card.querySelector('[data-field=state]').dataset.state = node.state;
  card.querySelector('[data-field=role]').dataset.role = node.role;
  for (const button of card.querySelectorAll('button'))
    button.hidden = !node.possibleFaults.includes(button.value);
}

function requestItem(request) {
  const item = document.querySelector('#request').content.cloneNode(true);
  fill(item, { visitor: 'somebody', ...request, lag: lagOf(request) });
  item.querySelector('[data-field=node]').dataset.role = request.role;
  return item;
}

function fill(element, values) {
  for (const field of element.querySelectorAll('[data-field]')) {
    const { field: name } = field.dataset;
    if (name in values) field.textContent = values[name] ?? '';
  }
}

function lagOf({ role, lagMs }) {
  if (role !== 'replica') return '';
  if (lagMs === undefined) return 'lag unknown';
  return lagMs < 1_000 ? `lag ${Math.round(lagMs)} ms` : `lag ${(lagMs / 1_000).toFixed(1)} s`;
}

document.addEventListener('submit', async (event) => {
  const form = event.target;
  if (!form.matches('[data-live]')) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  await fetch(form.action, { method: 'POST', body, redirect: 'manual' });
  await refresh();
});

async function poll() {
  try {
    await refresh();
  } catch {
    // the guestbook is being restarted
  }
  setTimeout(poll, POLL_MS);
}

poll();
