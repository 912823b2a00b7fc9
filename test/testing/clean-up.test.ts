import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from 'nestjs-replicated/testing';
import { isAlive } from '../../src/testing/process-tree.js';
import { describeMariadb } from '../support/mariadb-server.js';
import { makeProjectCopy, outcomeOf, type ProjectCopy } from './project-copy.js';

interface Started {
  folder: string;
  pids: number[];
}

describe('a process that does not stop its PostgreSQL cluster', () =>
  describeCleanUp('startPostgresCluster'));
describeMariadb('a process that does not stop its MariaDB cluster', () =>
  describeCleanUp('startMariadbCluster'),
);

function describeCleanUp(starter: 'startPostgresCluster' | 'startMariadbCluster'): void {
  let project: ProjectCopy;

  beforeAll(async () => {
    project = await makeProjectCopy({ embedded: true });
  });
  afterAll(() => project?.remove());

  const run = (script: string) => project.run(`let folder = '';\n${script}`);
  const options = `{ replicas: 2, log: (line) => { folder ||= line.split(' in ')[1]; } }`;
  const report = `console.log(JSON.stringify({ folder, pids: cluster.nodes.map((node) => node.pid) }));`;

  it('leaves no server and no folder when it is killed', async () => {
    const child = run(`const cluster = await ${starter}(${options});
      ${report}
      setInterval(() => {}, 1000);`);
    await expectGone(child, await firstLine(child));
  });

  it('leaves nothing of a frozen server either', async () => {
    const child = run(`const cluster = await ${starter}(${options});
      await cluster.primary.freeze();
      await cluster.replicas[0].freeze();
      await cluster.replicas[1].freeze();
      await cluster.replicas[1].thaw();
      ${report}
      setInterval(() => {}, 1000);`);
    await expectGone(child, await firstLine(child));
  });

  it('leaves nothing when it is killed while the cluster is being made', async () => {
    const folders: string[] = [];
    for (const delayMs of [0, 1, 1.5, 2, 2.5, 3, 3.5, 5, 50, 200]) {
      const child = run(`${starter}({ log: (line) => {
          if (line.includes(' in ')) console.log(line.split(' in ')[1]);
        } });`);
      const [folder] = (await once(child.stdout!, 'data')) as [Buffer];
      waitBusily(delayMs); // the narrowest moment is that between the birth of a process and its report
      folders.push(folder.toString().trim());
      await expectGone(child, { folder: folders.at(-1)!, pids: [] });
    }
    await setTimeout(500); // for what would be made again after it was removed
    expect(folders.filter(existsSync)).toEqual([]);
  });

  it('ends by itself when it has nothing else to do, and leaves nothing', async () => {
    const child = run(`const cluster = await ${starter}(${options});
      await cluster.replicas[0].query('SELECT 1');
      const proxy = await cluster.primary.proxy();
      ${report}`);
    const { code, out, err } = await outcomeOf(child);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    await expectGone(child, JSON.parse(out) as Started);
  });

  it('ends at once after stop()', async () => {
    const child = run(`const cluster = await ${starter}(${options});
      await cluster.replicas[0].query('SELECT 1');
      const proxy = await cluster.primary.proxy();
      await cluster.stop();
      console.log(performance.now());
      process.on('exit', () => console.log(performance.now()));`);
    const { code, out, err } = await outcomeOf(child);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [stopped, exited] = out.split('\n').map(Number) as [number, number];
    expect(exited - stopped).toBeLessThan(200);
  });
}

async function expectGone(child: ChildProcess, { folder, pids }: Started): Promise<void> {
  child.kill('SIGKILL');
  const areGone = async () => !(await Promise.all(pids.map(isAlive))).includes(true);
  await waitUntil(async () => (await areGone()) && !existsSync(folder), {
    message: `${folder}, ${pids} to vanish`,
  });
}

function waitBusily(delayMs: number): void {
  const end = performance.now() + delayMs;
  while (performance.now() < end);
}

async function firstLine(child: ChildProcess): Promise<Started> {
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
  await waitUntil(() => {
    if (child.exitCode !== null) throw new Error(err);
    return out.includes('\n');
  });
  const started = JSON.parse(out) as Started;
  expect(existsSync(started.folder)).toBe(true);
  return started;
}
