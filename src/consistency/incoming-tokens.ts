import type { Carrier, Exchange } from './carrier.js';

/** What a carrier found: texts; `undefined`: the client is not known yet; `FAILED`: nobody knows. */
export type CarrierAnswer = readonly string[] | undefined | typeof FAILED;

/** Answer of a carrier that failed. */
export const FAILED = Symbol('failed');

/** Asks the carriers for the tokens of one request: each until it has answered, at most one question at a time. */
export class IncomingTokens {
  private readonly answers: (CarrierAnswer | Promise<CarrierAnswer>)[] = [];

  constructor(
    private readonly exchange: Exchange,
    private readonly carriers: readonly Carrier[],
    private readonly onFailure: (error: unknown) => void,
  ) {}

  read(): readonly CarrierAnswer[] | Promise<readonly CarrierAnswer[]> {
    let isSettled = true;
    for (const [index, carrier] of this.carriers.entries()) {
      const answer = this.answers[index] ?? this.ask(carrier, index);
      if (answer instanceof Promise) isSettled = false;
    }
    return isSettled ? (this.answers as CarrierAnswer[]) : Promise.all(this.answers);
  }

  private ask(carrier: Carrier, index: number): CarrierAnswer | Promise<CarrierAnswer> {
    const answer = this.tryToRead(carrier);
    this.answers[index] = answer;
    if (answer instanceof Promise) void answer.then((settled) => (this.answers[index] = settled));
    return answer;
  }

  private tryToRead(carrier: Carrier): CarrierAnswer | Promise<CarrierAnswer> {
    try {
      const answer = carrier.read(this.exchange);
      return answer instanceof Promise ? answer.catch((error: unknown) => this.fail(error)) : answer;
    } catch (error) {
      return this.fail(error);
    }
  }

  private fail(error: unknown): typeof FAILED {
    this.onFailure(error);
    return FAILED;
  }
}
