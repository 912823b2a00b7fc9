import { randomUUID } from 'node:crypto';
import { ClientProxyFactory, Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { connectAsync } from 'mqtt';
import { lastValueFrom, type Observable } from 'rxjs';
import type { Seen } from './message-site.js';

/** Sends messages to a service. */
export interface MessageClient {
  ask(pattern: string, message: object): Promise<Seen>;
  emit(pattern: string, message: object): Promise<unknown>;
  close(): Promise<unknown>;
}

/** A client for the transport of a service. */
export function connectTo(service: MicroserviceOptions): Promise<MessageClient> {
  const { url } = (service.options ?? {}) as { url?: string };
  return url === undefined ? connectByNest(service) : connectByMqtt(url);
}

interface NestClient {
  connect(): Promise<unknown>;
  send(pattern: string, message: object): Observable<Seen>;
  emit(pattern: string, message: object): Observable<unknown>;
  close(): Promise<unknown>;
}

async function connectByNest({ options }: MicroserviceOptions): Promise<MessageClient> {
  const settings = { transport: Transport.TCP, options } as { transport: Transport.TCP };
  const client = ClientProxyFactory.create(settings) as object as NestClient;
  await client.connect();
  return {
    ask: (pattern, message) => lastValueFrom(client.send(pattern, message)),
    emit: (pattern, message) => lastValueFrom(client.emit(pattern, message), { defaultValue: undefined }),
    close: async () => client.close(),
  };
}

/** With one subscription for all replies: Nest's client subscribes again for each, which aedes sometimes loses. */
async function connectByMqtt(url: string): Promise<MessageClient> {
  const client = await connectAsync(url);
  const waiting = new Map<string, (reply: { response?: Seen; err?: unknown }) => void>();
  await client.subscribeAsync('+/reply');
  client.on('message', (_topic, text) => {
    const reply = JSON.parse(text.toString()) as { id: string; response?: Seen; err?: unknown };
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
  });
  return {
    async ask(pattern, data) {
      const id = randomUUID();
      const replied = new Promise<{ response?: Seen; err?: unknown }>((resolve) => waiting.set(id, resolve));
      await client.publishAsync(pattern, JSON.stringify({ pattern, data, id }));
      const { response, err } = await replied;
      if (!response) throw new Error(JSON.stringify(err));
      return response;
    },
    emit: (pattern, data) => client.publishAsync(pattern, JSON.stringify({ pattern, data })),
    close: () => client.endAsync(),
  };
}
