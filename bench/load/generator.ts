import { answer } from '../measure/answer.js';
import { Blaster, type BlastJob } from './blast.js';
import { Held } from './hold.js';
import { visit } from './visits.js';
import { Watch, type WatchJob } from './watch.js';

const blaster = new Blaster();
const watches = new Map<string, Watch>();
let held: Held | undefined;

answer({
  blast: (job: BlastJob) => blaster.blast(job),
  visit,
  hold(job: { port: number; requests: number }) {
    held = new Held(job);
  },
  endHold: () => held?.end(),
  startWatch({ name, ...job }: WatchJob & { name: string }) {
    watches.set(name, new Watch(job));
  },
  stopWatch: (name: string) => watches.get(name)?.stop(),
});
