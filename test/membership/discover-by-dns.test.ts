import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { discoverByDns } from 'nestjs-replicated';
import { NameServer } from './name-server.js';

describe('replicas found by DNS', () => {
  let names: NameServer;
  beforeEach(async () => {
    names = await NameServer.start();
  });
  afterEach(() => names.stop());

  const found = (host: string, options: object = {}) =>
    discoverByDns(host, { resolver: names.resolver, ...options })();

  it('are the addresses of a name, which stays the one that TLS checks', async () => {
    names.set('replicas.test', { A: ['10.0.0.1', '10.0.0.2'], AAAA: ['fd00::1'] });
    expect(await found('replicas.test')).toEqual([
      { name: '10.0.0.1', host: 'replicas.test', address: '10.0.0.1' },
      { name: '10.0.0.2', host: 'replicas.test', address: '10.0.0.2' },
    ]);
  });

  it('are its IPv6 addresses where it has no others, with the port that is given', async () => {
    names.set('replicas.test', { AAAA: ['fd00::1', 'fd00::2'] });
    const host = 'replicas.test';
    expect(await found(host, { port: 6432 })).toEqual([
      { name: 'fd00::1', host, address: 'fd00::1', port: 6432 },
      { name: 'fd00::2', host, address: 'fd00::2', port: 6432 },
    ]);
  });

  it('are the servers of an SRV name, by their own names, ports and weights', async () => {
    names.set('a.test', { A: ['10.0.0.1'] });
    names.set('b.test', { A: ['10.0.0.2'] });
    names.set('spare.test', { A: ['10.0.0.3'] });
    names.set('_postgresql._tcp.test', {
      SRV: [
        { target: 'a.test', port: 5432, priority: 10, weight: 3 },
        { target: 'b.test', port: 5433, priority: 10, weight: 0 },
        { target: 'gone.test', port: 5432, priority: 10 },
        { target: 'spare.test', port: 5432, priority: 20 },
      ],
    });
    expect(await found('_postgresql._tcp.test')).toEqual([
      { name: '10.0.0.1:5432', host: 'a.test', address: '10.0.0.1', port: 5432, weight: 3 },
      { name: '10.0.0.2:5433', host: 'b.test', address: '10.0.0.2', port: 5433, weight: 1 },
    ]);
  });

  it.each(['unknown.test', '_postgresql._tcp.unknown.test'])('are none for %s', async (host) => {
    expect(await found(host)).toEqual([]);
  });

  it('are not known when the name server does not answer', async () => {
    names.silence();
    await expect(found('replicas.test')).rejects.toMatchObject({ code: 'ETIMEOUT' });
  });

  it('are refused where a name answers one address at a time, which changes', async () => {
    let turn = 0;
    names.set('reader.test', () => ({ A: [`10.0.0.${(turn++ % 3) + 1}`] }));
    await expect(found('reader.test')).rejects.toThrow(
      "reader.test answers one address at a time, and it changes (10.0.0.1, 10.0.0.2, 10.0.0.3): several servers stand behind it, and it does not tell which. Take cluster.discover away and list it: replicas: [{ host: 'reader.test', endpoint: 'per-connection' }].",
    );
  });

  it('are refused so as well where the answers come from a cache that keeps each for a while', async () => {
    let address = '10.0.0.1';
    names.set('reader.test', () => ({ A: [address] }));
    const discover = discoverByDns('reader.test', { resolver: names.resolver });
    expect(await discover()).toHaveLength(1);
    address = '10.0.0.2';
    expect(await discover()).toHaveLength(1);
    address = '10.0.0.1';
    await expect(discover()).rejects.toThrow('several servers stand behind it');
  });

  it('are not refused where the only one moves to another address', async () => {
    let address = '10.0.0.1';
    names.set('replica.test', () => ({ A: [address] }));
    const discover = discoverByDns('replica.test', { resolver: names.resolver });
    for (address of ['10.0.0.1', '10.0.0.2', '10.0.0.2', '10.0.0.2', '10.0.0.3'])
      expect(await discover()).toMatchObject([{ name: address }]);
  });

  it.each([undefined, ''])('are not looked for without a name: %p', (host) => {
    expect(() => discoverByDns(host as string)).toThrow('is the environment variable set?');
  });
});
