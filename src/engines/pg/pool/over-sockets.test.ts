import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { Sockets } from '../../pool/sockets.js';
import { overSockets } from './over-sockets.js';

interface Extra {
  readonly stream: unknown;
  readonly verify: (client: EventEmitter, done: (error?: Error) => void) => void;
}

function extraOver(sockets: Sockets, extra: object = {}): Extra {
  return overSockets({ type: 'postgres', extra }, sockets)['extra'] as Extra;
}

describe('connections over sockets of a set', () => {
  it('are made by it, or by the function that the user has for that', () => {
    const sockets = new Sockets();
    const own = new Socket();
    expect((extraOver(sockets).stream as () => Socket)()).toBeInstanceOf(Socket);
    expect((extraOver(sockets, { stream: () => own }).stream as () => Socket)()).toBe(own);
    expect(sockets.size).toBe(2);
  });

  it('leave the user’s own streams in use', () => {
    const own = { within: 'reach' };
    expect(extraOver(new Sockets(), { stream: own }).stream).toBe(own);
  });

  it('may be cut when nothing listens to their client, and the user’s own check of new ones still decides', () => {
    const refuse: Extra['verify'] = (_client, done) => done(new Error('not this one'));
    const answers = [undefined, refuse].map((verify) => {
      const client = new EventEmitter();
      let answer: string | undefined = 'not asked';
      extraOver(new Sockets(), { verify }).verify(client, (error) => (answer = error?.message));
      expect(() => client.emit('error', new Error('Connection terminated unexpectedly'))).not.toThrow();
      return answer;
    });
    expect(answers).toEqual([undefined, 'not this one']);
  });
});
