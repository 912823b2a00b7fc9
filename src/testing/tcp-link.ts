import type { Socket } from 'node:net';
import { TcpRelay } from './tcp-relay.js';

/** A client's connection and the one made to the server on its behalf. */
export class TcpLink {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #relays: TcpRelay[];
  #isDead = false;

  constructor(client: Socket, server: Socket, options: { delayMs: () => number; onClose: () => void }) {
    this.#client = client;
    this.#server = server;
    this.#relays = [
      new TcpRelay(client, server, options.delayMs),
      new TcpRelay(server, client, options.delayMs),
    ];
    client.on('error', () => this.reset()); // what one side suffers, the other learns as a reset
    server.on('error', () => !this.#isDead && this.reset());
    client.on('end', () => this.#isDead && this.reset());
    client.on('close', () => this.#settle(options.onClose));
    server.on('close', () => this.#settle(options.onClose));
  }

  hold(): void {
    for (const relay of this.#relays) relay.hold();
  }

  release(): void {
    for (const relay of this.#relays) relay.release();
  }

  /** Both sides stay connected and never hear of each other again. */
  die(): void {
    this.#isDead = true;
    for (const relay of this.#relays) relay.discard();
  }

  reset(): void {
    resetNow(this.#client);
    resetNow(this.#server);
  }

  #settle(onClose: () => void): void {
    if (!this.#client.destroyed) return;
    for (const relay of this.#relays) relay.close();
    onClose();
  }
}

/**
 * A socket whose end is being sent refuses to be reset (EINVAL): Node would never close it, and hang when the process
 * ends.
 */
function resetNow(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
