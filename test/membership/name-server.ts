import { createSocket, type Socket } from 'node:dgram';
import { promises } from 'node:dns';
import { once } from 'node:events';
import * as packet from 'dns-packet';

/** What a name has: addresses, or servers with their ports. */
export interface Zone {
  readonly A?: readonly string[];
  readonly AAAA?: readonly string[];
  readonly SRV?: readonly { target: string; port: number; priority?: number; weight?: number }[];
}

/** A name server on the loopback interface, which knows what the test tells it. */
export class NameServer {
  /** How often a name was asked for. */
  readonly asked: Record<string, number> = {};
  private readonly zones = new Map<string, () => Zone>();
  private isSilent = false;

  private constructor(private readonly socket: Socket) {
    socket.on('message', (message, from) => {
      if (!this.isSilent) socket.send(this.answer(packet.decode(message)), from.port, from.address);
    });
  }

  static async start(): Promise<NameServer> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new NameServer(socket);
  }

  /** Asks this server alone, and gives up soon only when it is silent. */
  get resolver(): promises.Resolver {
    const resolver = new promises.Resolver({ timeout: this.isSilent ? 200 : 10_000, tries: 1 });
    resolver.setServers([`127.0.0.1:${this.socket.address().port}`]);
    return resolver;
  }

  /** `zone`: what the name has from now on, or a function that is asked each time. */
  set(name: string, zone: Zone | (() => Zone)): void {
    this.zones.set(name, typeof zone === 'function' ? zone : () => zone);
  }

  silence(): void {
    this.isSilent = true;
  }

  stop(): void {
    this.socket.close();
  }

  private answer({ id = 0, questions = [] }: packet.DecodedPacket): Buffer {
    const [question] = questions;
    if (!question) throw new Error('nothing is asked');
    const { name, type } = question;
    this.asked[name] = (this.asked[name] ?? 0) + 1;
    const zone = this.zones.get(name)?.();
    const records = (zone?.[type as keyof Zone] ?? []) as readonly unknown[];
    const answers = records.map((data) => ({ name, type, ttl: 0, data }) as packet.Answer);
    const NXDOMAIN = 3;
    return packet.encode({ id, type: 'response', flags: zone ? 0 : NXDOMAIN, questions, answers });
  }
}
