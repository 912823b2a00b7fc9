import type { StopMode } from './faulty-cluster.js';
import { findFreePort } from './free-port.js';
import type { ServerPlace, ServerRun } from './server-home.js';
import { openTcpProxy, type TcpAddress, type TcpProxy } from './tcp-proxy.js';
import { hasCode, TestingError } from './testing-error.js';

/** Whether a node's processes run, are stopped by `freeze()`, or do not exist. */
export type NodeState = 'running' | 'frozen' | 'stopped';

/** Who a node is and who may use it. */
export interface NodeIdentity {
  name: string;
  database: string;
  role: string;
  password: string | undefined;
  timeoutMs: number;
}

const PORT_ATTEMPTS = 5;
const LOG_LIMIT = 1_000_000;

/** The life of a server's processes: the part of a node that has nothing to do with its database or replication. */
export abstract class ServerNode {
  /** Where clients reach it: the loopback address. */
  readonly host: string;
  /** `primary`, `replica-1`, ...: the role at the cluster's start. It never changes. */
  readonly name: string;
  protected readonly identity: NodeIdentity;
  readonly #place: ServerPlace;
  readonly #proxyHost: string;
  readonly #proxies = new Set<TcpProxy>();
  #port = 0;
  #log = '';
  #run: ServerRun | undefined;

  /** @internal */
  constructor(place: ServerPlace, identity: NodeIdentity, proxyHost: string) {
    this.#place = place;
    this.#proxyHost = proxyHost;
    this.host = place.host;
    this.identity = identity;
    this.name = identity.name;
  }

  /** Stays the same over restarts. */
  get port(): number {
    return this.#port;
  }

  /** The server's process id on the machine that runs it, or undefined while the node is stopped. */
  get pid(): number | undefined {
    return this.state === 'stopped' ? undefined : this.#run?.pid;
  }

  /** Becomes `stopped` by itself when the server crashes. */
  get state(): NodeState {
    if (!this.#run?.isRunning) return 'stopped';
    return this.#run.isFrozen ? 'frozen' : 'running';
  }

  /** What the server has written to its log, over all restarts; the last million characters. */
  get log(): string {
    return this.#log;
  }

  /** Starts a stopped node on its old port and data, and waits until it accepts connections. */
  async start(): Promise<void> {
    this.requireState('stopped', 'start');
    this.#run = await this.#place.launch({
      port: this.#port,
      timeoutMs: this.identity.timeoutMs,
      onLog: (text) => (this.#log = (this.#log + text).slice(-LOG_LIMIT)),
    });
  }

  /** @internal The first start: takes another port if somebody is faster. */
  async startOnFreePort(choosePort: () => Promise<number> = findFreePort): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      this.#port = await this.#place.findPort(choosePort);
      try {
        return await this.start();
      } catch (error) {
        if (attempt === PORT_ATTEMPTS || !hasCode(error, 'ERR_TESTING_PORT_TAKEN')) throw error;
      }
    }
  }

  /** Stops the server; resolves when it is gone. Default mode `fast`. A stopped node stays as it is. */
  async stop(mode: StopMode = 'fast'): Promise<void> {
    if (this.state === 'stopped') return;
    if (this.state === 'frozen') await this.thaw();
    this.closeSessions();
    await this.#run?.stop(mode, this.identity.timeoutMs);
  }

  /** Ends all processes of the server with SIGKILL, as a crash would. It can be started again at once. */
  async kill(): Promise<void> {
    if (this.state === 'stopped') return;
    this.closeSessions();
    await this.#run?.kill();
  }

  /** `stop(mode)` and `start()`. */
  async restart(mode: StopMode = 'fast'): Promise<void> {
    await this.stop(mode);
    await this.start();
  }

  /** Stops all processes of the server without ending them: connections hang, new ones too. */
  async freeze(): Promise<void> {
    this.requireState('running', 'freeze');
    await this.#run?.freeze();
  }

  /** Ends {@link freeze}. */
  async thaw(): Promise<void> {
    this.requireState('frozen', 'thaw');
    await this.#run?.thaw();
  }

  /** A TCP proxy in front of this node, closed with the cluster. `proxy.through(node.url)` is the URL to use. */
  async proxy(): Promise<TcpProxy> {
    return this.openProxy(this);
  }

  /** @internal */
  async closeProxies(): Promise<void> {
    await Promise.all([...this.#proxies].map((proxy) => proxy.close()));
  }

  protected async openProxy(target: TcpAddress, startsDelay?: (bytes: Buffer) => boolean): Promise<TcpProxy> {
    const proxy = await openTcpProxy(target, this.#proxyHost, startsDelay);
    this.#proxies.add(proxy);
    return proxy;
  }

  /** Ends the connections behind the node's own queries. */
  protected abstract closeSessions(): void;

  protected requireState(state: NodeState, verb: string): void {
    if (this.state === state) return;
    const fix = { stopped: 'start() it first', frozen: 'thaw() it first', running: 'stop() it first' }[
      this.state
    ];
    throw new TestingError(
      'ERR_TESTING_NODE_STATE',
      `${verb}: ${this.name} is ${this.state}, not ${state}; ${fix}.`,
    );
  }
}
