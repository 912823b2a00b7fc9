import { ContainerHome } from './container-home.js';
import { loadPeer } from './load-peer.js';
import type { ServerHome, Site } from './server-home.js';
import { describeError, TestingError } from './testing-error.js';
import type * as Testcontainers from 'testcontainers';

/** Servers in Docker containers on a network of their own. */
export class ContainerSite implements Site {
  /** Containers reach a proxy by the address of the bridge. */
  readonly proxyHost = '0.0.0.0';
  readonly #homes: ContainerHome[] = [];

  private constructor(
    private readonly testcontainers: typeof Testcontainers,
    private readonly network: Testcontainers.StartedNetwork,
    private readonly image: string,
  ) {}

  static async open(image: string): Promise<ContainerSite> {
    const testcontainers = await loadPeer('testcontainers', () => import('testcontainers'));
    const network = await new testcontainers.Network().start().catch((error: unknown) => {
      throw new TestingError(
        'ERR_TESTING_START',
        `testcontainers cannot use Docker: ${describeError(error)}. Is the engine running, and may this user use it?`,
        { cause: error },
      );
    });
    return new ContainerSite(testcontainers, network, image);
  }

  get description(): string {
    return `PostgreSQL in containers of ${this.image}`;
  }

  createHome(name: string): ServerHome {
    const { testcontainers, network, image } = this;
    const home = new ContainerHome({ testcontainers, network, image, name, siblings: this.#homes });
    this.#homes.push(home);
    return home;
  }

  async close(): Promise<void> {
    await Promise.all(this.#homes.map((home) => home.remove()));
    await this.network.stop();
  }
}
