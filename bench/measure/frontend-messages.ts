/** A whole message of the PostgreSQL protocol. */
export interface FrontendMessage {
  readonly message: Buffer;
  /** Whether the server starts to work when it gets this one: a simple query, or the end of an extended one. */
  readonly isQuery: boolean;
}

const SIMPLE_QUERY = 'Q'.charCodeAt(0);
const SYNC = 'S'.charCodeAt(0);

/** Cuts what a client sends into messages. The first one of a connection has no type, only a length. */
export class FrontendMessages {
  private rest: Buffer = Buffer.alloc(0);
  private isStarted = false;

  *read(bytes: Buffer): Generator<FrontendMessage> {
    this.rest = Buffer.concat([this.rest, bytes]);
    for (;;) {
      const typeBytes = this.isStarted ? 1 : 0;
      if (this.rest.length < typeBytes + 4) return;
      const length = typeBytes + this.rest.readInt32BE(typeBytes);
      if (this.rest.length < length) return;
      const message = this.rest.subarray(0, length);
      this.rest = this.rest.subarray(length);
      yield { message, isQuery: this.isStarted && (message[0] === SIMPLE_QUERY || message[0] === SYNC) };
      this.isStarted = true;
    }
  }
}
