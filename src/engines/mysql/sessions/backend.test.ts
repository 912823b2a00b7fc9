import { describe, expect, it } from '@jest/globals';
import type { Aside } from '../../pool/ask-aside.js';
import type { RunStatement } from '../../pool/typeorm-prober.js';
import { stateOf, type Backend, type MysqlConnection } from '../connection.js';
import { noteBackend } from './backend.js';

const SERVER = 'replica:3306:2';

/** A connection to SERVER, and what a server that answers in its place hears. */
function connect(answers: object): { readonly backend: Backend | undefined; readonly heard: string[] } {
  const heard: string[] = [];
  const run: RunStatement = (sql) => {
    heard.push(sql);
    return Promise.resolve([{ server: SERVER, started: 1000, at_work: 1, ...answers }]);
  };
  const aside = { ask: (_reached, ask) => ask(run) } as Pick<Aside, 'ask'> as Aside;
  const connection = { threadId: 7, stream: {} } as unknown as MysqlConnection;
  noteBackend(connection, `${SERVER} 1000`, aside);
  return { backend: stateOf(connection).backend, heard };
}

describe('the server of a connection', () => {
  it.each([
    ['runs for it', {}, true],
    ['does not', { at_work: 0 }, false],
    ['has been restarted', { started: 2000 }, false],
    ['is another one', { server: 'other:3306:3' }, false],
  ])('is asked, and %s', async (_when, answers, isAtWork) => {
    expect(await connect(answers).backend?.isAtWork()).toBe(isAtWork);
  });

  it('is told to end what it runs for it', async () => {
    const { backend, heard } = connect({});
    backend?.cancel();
    await Promise.resolve();
    await Promise.resolve();
    expect(heard).toContain('KILL QUERY 7');
  });

  it('is told nothing where another one answers, for which the number is somebody else', async () => {
    const { backend, heard } = connect({ server: 'other:3306:3' });
    backend?.cancel();
    await Promise.resolve();
    await Promise.resolve();
    expect(heard.join()).not.toContain('KILL');
  });
});
