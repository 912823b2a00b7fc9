import type * as Testcontainers from 'testcontainers';
import { ContainerRun } from './container-run.js';
import type { BackupSource, LaunchOptions, ServerHome, ServerRun } from './server-home.js';
import { formatConfiguration, formatHostRules, formatPrimaryConnection } from './server-settings.js';
import type { TcpAddress } from './tcp-proxy.js';
import { TestingError } from './testing-error.js';

export interface ContainerPlan {
  testcontainers: typeof Testcontainers;
  network: Testcontainers.StartedNetwork;
  image: string;
  name: string;
  /** The homes of the same cluster. */
  siblings: readonly ContainerHome[];
}

const PORT = 5432;
const PARENT = '/var/lib/postgresql';
const FOLDER = `${PARENT}/nestjs-replicated`;
const DOCKER_HOST = 'host.docker.internal';

/**
 * One server in a container, which stays when the server stops: its first process does nothing, and the server is a
 * second one. So data, port and address survive restarts, and files can be changed in between.
 */
export class ContainerHome implements ServerHome {
  readonly host = '127.0.0.1';
  readonly #plan: ContainerPlan;
  #container: Promise<Testcontainers.StartedTestContainer> | undefined;
  #port: number | undefined;

  constructor(plan: ContainerPlan) {
    this.#plan = plan;
  }

  async create({ settings, method }: Parameters<ServerHome['create']>[0]): Promise<void> {
    const version = await this.#run(['postgres', '--version']);
    const major = Number(/ (\d+)/.exec(version)?.[1]);
    await this.#run([
      'initdb',
      '-D',
      FOLDER,
      '-U',
      'postgres',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ]);
    const configuration = formatConfiguration(major, { listen_addresses: '*', ...settings });
    await this.#run(['sh', '-c', `echo "$1" >> ${FOLDER}/postgresql.conf`, 'sh', configuration]);
    await this.#run(['sh', '-c', `echo "$1" > ${FOLDER}/pg_hba.conf`, 'sh', formatHostRules(method, 'all')]);
  }

  async clone(source: ContainerHome): Promise<void> {
    const [from, to] = await Promise.all([source.#start(), this.#start()]);
    const archive = await from.copyArchiveFromContainer(FOLDER);
    await to.copyArchiveToContainer(archive as Parameters<typeof to.copyArchiveToContainer>[0], PARENT);
    await this.#run(['chown', '-R', 'postgres', FOLDER], 'root');
  }

  async backUp(source: BackupSource): Promise<void> {
    const { host, port } = this.reach(source);
    await this.#run(['rm', '-rf', FOLDER]);
    const from = ['-h', host, '-p', String(port), '-U', 'postgres'];
    await this.#run(['pg_basebackup', ...from, '-D', FOLDER, '-X', 'stream', '-c', 'fast', '--no-sync']);
  }

  async makeStandby(upstream: TcpAddress, name: string): Promise<void> {
    const line = `primary_conninfo = '${formatPrimaryConnection(this.reach(upstream), name)}'`;
    const script = `echo "$1" >> ${FOLDER}/postgresql.auto.conf && touch ${FOLDER}/standby.signal`;
    await this.#run(['sh', '-c', script, 'sh', line]);
  }

  /** Servers know each other by name on their network; everything else is a proxy on the machine that runs Docker. */
  reach({ port }: TcpAddress): TcpAddress {
    const sibling = this.#plan.siblings.find((home) => home.#port === port);
    return sibling ? { host: sibling.#plan.name, port: PORT } : { host: DOCKER_HOST, port };
  }

  async findPort(): Promise<number> {
    return (await this.#start()).getMappedPort(PORT);
  }

  async launch({ timeoutMs, onLog }: LaunchOptions): Promise<ServerRun> {
    const { getContainerRuntimeClient } = this.#plan.testcontainers;
    const { container: client } = await getContainerRuntimeClient();
    const container = client.getById((await this.#start()).getId());
    return ContainerRun.launch({ container, folder: FOLDER, timeoutMs, onLog });
  }

  async remove(): Promise<void> {
    const container = await this.#container?.catch(() => undefined); // its caller was told
    await container?.stop({ timeout: 0 });
  }

  #start(): Promise<Testcontainers.StartedTestContainer> {
    this.#container ??= this.#startOnce();
    return this.#container;
  }

  async #startOnce(): Promise<Testcontainers.StartedTestContainer> {
    const { testcontainers, network, image, name } = this.#plan;
    const { GenericContainer, Wait } = testcontainers;
    const definition = new GenericContainer(image)
      .withEntrypoint(['tail', '-f', '/dev/null'])
      .withNetwork(network)
      .withNetworkAliases(name)
      .withExtraHosts([{ host: DOCKER_HOST, ipAddress: 'host-gateway' }])
      .withExposedPorts(PORT)
      .withWaitStrategy(Wait.forSuccessfulCommand('postgres --version'));
    const container = await definition.start();
    this.#port = container.getMappedPort(PORT);
    return container;
  }

  async #run(command: string[], user = 'postgres'): Promise<string> {
    const { output, exitCode } = await (await this.#start()).exec(command, { user, env: { LC_ALL: 'C' } });
    if (exitCode === 0) return output;
    const what = `${command[0]} in a container of ${this.#plan.image} failed with exit code ${exitCode}`;
    throw new TestingError('ERR_TESTING_START', `${what}. Its output:\n${output}`);
  }
}
