import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import { Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { openApp, SILENT, startSeededCluster } from '../support/open-app.js';
import { findFreePort } from '../../src/testing/free-port.js';
import { connectTo, type MessageClient } from './message-client.js';
import { messageModule, type Seen } from './message-site.js';
import { startMqttBroker } from './mqtt-broker.js';

interface Service {
  readonly app: INestApplicationContext;
  readonly transport: MicroserviceOptions;
  readonly url?: string;
}
type Start = (transport: MicroserviceOptions) => Promise<Service>;

let cluster: PostgresCluster;
let broker: Awaited<ReturnType<typeof startMqttBroker>>;

beforeAll(async () => {
  [cluster, broker] = await Promise.all([startSeededCluster(), startMqttBroker()]);
});
afterAll(async () => {
  await broker?.stop();
  await cluster?.stop();
});

const startPure: Start = async (transport) => {
  const module = await Test.createTestingModule(messageModule(cluster)).setLogger(SILENT).compile();
  const app = module.createNestMicroservice<MicroserviceOptions>({ ...transport, logger: SILENT });
  await app.listen();
  return { app, transport };
};

const startHybrid =
  (inheritAppConfig = false): Start =>
  async (transport) => {
    const site = await openApp({
      ...messageModule(cluster),
      configure: (app) => app.connectMicroservice<MicroserviceOptions>(transport, { inheritAppConfig }),
    });
    await site.app.startAllMicroservices();
    return { ...site, transport };
  };

const tcp = async (): Promise<MicroserviceOptions> => ({
  transport: Transport.TCP,
  options: { host: '127.0.0.1', port: await findFreePort() },
});
const mqtt = async (): Promise<MicroserviceOptions> => ({
  transport: Transport.MQTT,
  options: { url: broker.url },
});

describe.each([
  { kind: 'a microservice over TCP', transport: tcp, start: startPure },
  { kind: 'a microservice over MQTT', transport: mqtt, start: startPure },
  { kind: 'a hybrid application over TCP', transport: tcp, start: startHybrid() },
  { kind: 'a hybrid application over TCP with inheritAppConfig', transport: tcp, start: startHybrid(true) },
  { kind: 'a hybrid application over MQTT', transport: mqtt, start: startHybrid() },
])('$kind', ({ transport, start }) => {
  let service: Service;
  let client: MessageClient;
  const ask = (pattern: string, message: object = {}): Promise<Seen> => client.ask(pattern, message);

  beforeAll(async () => {
    service = await start(await transport());
    client = await connectTo(service.transport);
  });
  afterAll(async () => {
    await client?.close();
    await service?.app.close();
  });
  afterEach(async () => {
    await cluster.replicas[0]?.resumeReplay();
    await cluster.waitForReplication();
  });

  it.each([
    ['plain', 'primary', 'a message uses the primary'],
    ['slave', 'replica', '@UseSlave() on a handler'],
    ['class-slave', 'replica', '@UseSlave() on a controller'],
    ['stream', 'replica', '@UseSlave() on a handler that answers an Observable'],
    ['promised-stream', 'replica', '@UseSlave() on a handler that promises an Observable'],
    ['write', 'primary', '@ChangesDatabase()'],
    ['run', 'replica', 'a run block'],
    ['slave-writes', 'ReplicaWriteError', 'a write under @UseSlave() is refused'],
  ])('%s: %s, since %s', async (pattern, server) => {
    expect((await ask(pattern)).server).toBe(server);
  });

  it.each(['own-writes', 'run'])(
    '%s: reads what its cause wrote, by the token in the payload',
    async (pattern) => {
      await cluster.replicas[0]?.pauseReplay();
      const { notes, token } = await ask('write');
      expect(await ask(pattern, { token })).toEqual({ server: 'primary', notes });
      expect(await ask(pattern)).toEqual({ server: 'replica', notes: notes - 1 });
      expect(await ask(pattern, { token: { not: 'a token' } as never })).toMatchObject({ notes: notes - 1 });
    },
  );

  it('an event writes to the primary', async () => {
    const { notes } = await ask('plain');
    await client.emit('noted', { text: 'by event' });
    await waitUntil(async () => (await ask('plain')).notes === notes + 1, { timeoutMs: 5_000 });
  });

  it('handlers of both kinds keep their routes side by side', async () => {
    const answers = await Promise.all(['plain', 'slave', 'write', 'slave'].map((pattern) => ask(pattern)));
    expect(answers.map(({ server }) => server)).toEqual(['primary', 'replica', 'primary', 'replica']);
    if (!service.url) return;
    const response = await fetch(`${service.url}/here`);
    expect(await response.json()).toMatchObject({ server: 'replica' });
  });
});
