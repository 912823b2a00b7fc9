import type { MariadbNode, PostgresNode, TcpProxy } from 'nestjs-replicated/testing';

export const FAULTS = ['pause-replay', 'resume-replay', 'blackhole', 'kill', 'revive'] as const;

export type Fault = (typeof FAULTS)[number];

export type Condition = 'running' | 'replay-paused' | 'blackholed' | 'killed';

/** A server of the embedded cluster, with the proxy through which the application reaches it. */
export class BreakableNode {
  #isReplayPaused = false;
  #turn: Promise<void> = Promise.resolve();

  constructor(
    private readonly node: PostgresNode | MariadbNode,
    private readonly proxy: TcpProxy,
  ) {}

  get name(): string {
    return this.node.name;
  }

  get isReplica(): boolean {
    return this.name !== 'primary';
  }

  get url(): string {
    return this.proxy.through(this.node.url);
  }

  get condition(): Condition {
    if (this.node.state === 'stopped') return 'killed';
    if (this.proxy.mode === 'blackhole') return 'blackholed';
    return this.#isReplayPaused ? 'replay-paused' : 'running';
  }

  /** What can be done to it now. */
  get possibleFaults(): readonly Fault[] {
    return this.isReplica ? FAULTS_OF_REPLICA[this.condition] : FAULTS_OF_PRIMARY[this.condition];
  }

  /** One at a time, since buttons get clicked twice; what is not possible (any more) is left out. */
  apply(fault: Fault): Promise<void> {
    const turn = this.#turn.then(() =>
      this.possibleFaults.includes(fault) ? this.#apply(fault) : undefined,
    );
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #apply(fault: Fault): Promise<void> {
    switch (fault) {
      case 'pause-replay':
        await this.node.pauseReplay();
        this.#isReplayPaused = true;
        return;
      case 'resume-replay':
        await this.node.resumeReplay();
        this.#isReplayPaused = false;
        return;
      case 'blackhole':
        return this.proxy.blackhole();
      case 'kill':
        await this.node.kill();
        this.#isReplayPaused = false; // a restart resumes
        return;
      case 'revive':
        this.proxy.resume();
        if (this.node.state === 'stopped') await this.node.start();
        return;
      default:
        return fault satisfies never;
    }
  }
}

const FAULTS_OF_REPLICA: Readonly<Record<Condition, readonly Fault[]>> = {
  running: ['pause-replay', 'blackhole', 'kill'],
  'replay-paused': ['resume-replay', 'blackhole', 'kill'],
  blackholed: ['revive', 'kill'],
  killed: ['revive'],
};

const FAULTS_OF_PRIMARY: Readonly<Record<Condition, readonly Fault[]>> = {
  running: ['kill'],
  'replay-paused': [],
  blackholed: [],
  killed: ['revive'],
};
