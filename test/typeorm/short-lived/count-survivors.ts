import { setTimeout as delay } from 'node:timers/promises';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import type { EntitySubscriberInterface, QueryEvent } from 'typeorm';
import { Notebook, readNotes, writeNote, type Platform, type Work } from '../../consistency/notebook.js';
import { Note } from '../../support/note.js';

/** How many of 50 requests leave something that outlives quick collections of garbage, by what is left. */
export type Survivors = Readonly<Record<string, number>>;

/** A young object: in V8's hands until the next quick collection of garbage, unless something old holds it. */
type Marked = { mark?: ArrayBuffer };
const MARK_BYTES = 65_536;
const REQUESTS = 50;

function mark(young: object | undefined): void {
  if (young) (young as Marked).mark ??= new ArrayBuffer(MARK_BYTES);
}

type What = 'query runner' | 'rows' | 'request';

/** Marks query runners, or the rows that they were given. */
class Marker implements EntitySubscriberInterface {
  what: What = 'request';

  beforeQuery({ queryRunner }: QueryEvent): void {
    if (this.what === 'query runner') mark(queryRunner);
  }
  afterQuery({ rawResults }: QueryEvent & { rawResults?: object }): void {
    if (this.what === 'rows') mark(rawResults);
  }
}

const saveNote: Work = ({ db }) => db.getRepository(Note).save({ text: 'a' });
const KINDS: readonly (readonly [string, 'GET' | 'POST', Work])[] = [
  ['a read', 'GET', readNotes],
  ['a write', 'POST', writeNote],
  ['a transaction', 'POST', saveNote],
];
const WHATS: readonly What[] = ['query runner', 'rows', 'request'];

async function countSurvivors(nodes: PostgresCluster, platform: Platform): Promise<Survivors> {
  const notebook = await Notebook.open({ postgres: nodes, platform });
  const marker = new Marker();
  notebook.db.subscribers.push(marker);
  const survivors: Record<string, number> = {};
  for (const [kind, method, work] of KINDS)
    for (const what of WHATS) {
      marker.what = what;
      const marking: Work = (desk) => {
        if (what === 'request') mark(desk.request);
        return work(desk);
      };
      survivors[`${what} of ${kind}`] = await survivorsOf(() => notebook.visitor().send(method, marking));
    }
  await notebook.close();
  return survivors;
}

async function survivorsOf(request: () => Promise<unknown>): Promise<number> {
  for (let turn = 0; turn < 20; turn++) await request();
  const before = await settled(() => globalThis.gc?.());
  for (let turn = 0; turn < REQUESTS; turn++) await request();
  return (await settled(() => globalThis.gc?.({ type: 'minor', execution: 'sync' }))) - before;
}

/** How many marks are left when `collect` frees no more: their memory is given back by another thread, a moment later. */
async function settled(collect: () => void): Promise<number> {
  const counts: number[] = [];
  do {
    collect();
    await delay(20);
    counts.unshift(Math.round(process.memoryUsage().arrayBuffers / MARK_BYTES));
  } while (counts.length < 4 || new Set(counts.slice(0, 4)).size > 1);
  return counts[0] ?? 0;
}

const [nodes = '', platform] = process.argv.slice(2);
const survivors = await countSurvivors(JSON.parse(nodes) as PostgresCluster, platform as Platform);
process.send?.(survivors);
process.disconnect();
