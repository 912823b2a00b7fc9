import type { Carrier, Exchange } from './carrier.js';

/** What a carrier found: texts; `undefined`: the client is not known yet; `FAILED`: it could not be read. */
export type CarrierAnswer = readonly string[] | undefined | typeof FAILED;

/** Answer of a carrier that failed. */
export const FAILED = Symbol('failed');

/** Asks the carriers for the tokens of one request: each until it has answered all that it knows. */
export class IncomingTokens {
  /** How often carriers were asked so far. Of two queries' answers, those to more questions are the more complete. */
  questions = 0;
  /** The value of `questions` that belongs to the answers that were opened last. */
  opened = 0;
  private readonly answers: (CarrierAnswer | Promise<CarrierAnswer>)[] = [];

  constructor(
    private readonly exchange: Exchange,
    private readonly carriers: readonly Carrier[],
    private readonly onFailure: (error: unknown) => void,
  ) {}

  /** Whether the answers so far are not all that the carriers know. */
  get isOutdated(): boolean {
    return this.carriers.some((carrier) => this.knowsMore(carrier));
  }

  read(): readonly CarrierAnswer[] | Promise<readonly CarrierAnswer[]> {
    let isSettled = true;
    for (const [index, carrier] of this.carriers.entries()) {
      const known = this.knowsMore(carrier) ? undefined : this.answers[index];
      if ((known ?? this.ask(carrier, index)) instanceof Promise) isSettled = false;
    }
    return isSettled ? (this.answers as CarrierAnswer[]) : Promise.all(this.answers);
  }

  private ask(carrier: Carrier, index: number): CarrierAnswer | Promise<CarrierAnswer> {
    this.questions += 1;
    const answer = this.tryToRead(carrier);
    this.answers[index] = answer;
    if (answer instanceof Promise)
      void answer.then((settled) => {
        // A later question may have found more.
        if (this.answers[index] === answer) this.answers[index] = settled;
      });
    return answer;
  }

  /** When this fails, the carrier is read and fails again: its client must not be taken for one that wrote nothing. */
  private knowsMore(carrier: Carrier): boolean {
    try {
      return carrier.knowsMore?.(this.exchange) ?? false;
    } catch {
      return true;
    }
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
