import { startPostgresCluster, type PostgresCluster } from '../../src/testing/index.js';

/** A running cluster that test files use one after the other, each with a database of its own. */
interface Lendable {
  readonly cluster: PostgresCluster;
  /** What it was like when it was new. */
  readonly traits: string;
  readonly end: () => Promise<void>;
  /** Gives it back; while it is lent. */
  giveBack: (() => Promise<void>) | undefined;
}

/** Lends clusters that are as new. One that a test has harmed is ended when it comes back. */
export class ClusterPool {
  readonly #lendables = new Set<Lendable>();

  /** `stop()` of the cluster gives it back. */
  readonly borrow = async (replicas: number): Promise<PostgresCluster> => {
    const free = [...this.#lendables].find(
      ({ cluster, giveBack }) => !giveBack && cluster.replicas.length === replicas,
    );
    const lendable = free ?? (await start(replicas));
    this.#lendables.add(lendable);
    let givenBack: Promise<void> | undefined;
    lendable.giveBack = () => (givenBack ??= this.#takeBack(lendable));
    lendable.cluster.stop = lendable.giveBack;
    if (free) await createDatabase(free.cluster);
    return lendable.cluster;
  };

  /** All that tests have left. */
  async takeBack(): Promise<void> {
    await Promise.all([...this.#lendables].map(({ giveBack }) => giveBack?.()));
  }

  async #takeBack(lendable: Lendable): Promise<void> {
    const { cluster, traits, end } = lendable;
    const isUnharmed = await tidyUp(cluster)
      .then(async () => (await traitsOf(cluster)) === traits)
      .catch(() => false);
    lendable.giveBack = undefined;
    if (isUnharmed) return;
    this.#lendables.delete(lendable);
    await end();
  }
}

async function start(replicas: number): Promise<Lendable> {
  const cluster = await startPostgresCluster({ replicas });
  return { cluster, traits: await traitsOf(cluster), end: cluster.stop.bind(cluster), giveBack: undefined };
}

async function createDatabase(cluster: PostgresCluster): Promise<void> {
  await cluster.primary.control('CREATE ROLE app LOGIN');
  await cluster.primary.control('CREATE DATABASE app OWNER app');
  await cluster.waitForReplication();
}

/** Undoes what tests do to a cluster; fails if that is not enough. */
async function tidyUp({ primary, replicas, nodes }: PostgresCluster): Promise<void> {
  await Promise.all(nodes.map((node) => node.closeProxies()));
  for (const node of nodes) {
    if (node.state === 'frozen') await node.thaw();
    if (node.state === 'stopped') await node.start();
  }
  await Promise.all(replicas.map((replica) => replica.resumeReplay()));
  const dropAll = async (what: string, names: string): Promise<void> => {
    for (const { name } of await primary.control<{ name: string }>(names)) {
      await primary.control(`DROP ${what.replace('?', `"${name}"`)}`);
    }
  };
  await dropAll(
    'DATABASE ? WITH (FORCE)',
    `SELECT datname AS name FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'`,
  );
  await dropAll('ROLE ?', `SELECT rolname AS name FROM pg_roles WHERE rolname !~ '^(pg_|postgres$)'`);
}

/** They differ when a node was promoted, follows another one, or is set otherwise. */
async function traitsOf({ nodes }: PostgresCluster): Promise<string> {
  const all = nodes.map((node) =>
    node.control(`
      SELECT pg_is_in_recovery() AS standby, timeline_id AS timeline,
        (SELECT count(*) FROM pg_replication_slots) AS slots,
        (SELECT md5(string_agg(name || setting, ',' ORDER BY name)) FROM pg_settings) AS settings
      FROM pg_control_checkpoint()`),
  );
  return JSON.stringify(await Promise.all(all));
}
