// Runs the tests of all databases on MySQL: on the servers that TEST_MYSQL_URLS names (the primary first, separated by
// blanks, with a user who may create databases and users, and stop replication), or else in containers of MYSQL_IMAGE.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { argv, env, execPath, exit } from 'node:process';

/** Those that need of their servers no more than a user's have. */
const FILES = [
  'test/consistency/own-writes',
  'test/nest/enhancers',
  'test/nest/http-surfaces',
  'test/nest/placed-handlers',
  'test/nest/precedence',
  'test/nest/rollout',
  'test/nest/units',
];
const PASSWORD = 'secret';

async function startContainers() {
  const { GenericContainer, Network, Wait } = await import('testcontainers');
  const network = await new Network().start();
  const start = (name, serverId) =>
    new GenericContainer(env.MYSQL_IMAGE ?? 'mysql:8.4')
      .withNetwork(network)
      .withNetworkAliases(name)
      .withExposedPorts(3306)
      .withEnvironment({ MYSQL_ROOT_PASSWORD: PASSWORD, MYSQL_ROOT_HOST: '%' })
      .withCommand([`--server-id=${serverId}`, '--gtid-mode=ON', '--enforce-gtid-consistency=ON'])
      .withWaitStrategy(Wait.forLogMessage(/ready for connections.*port: 3306/))
      .start();
  const [primary, ...replicas] = await Promise.all([start('primary', 1), start('a', 2), start('b', 3)]);
  await run(primary, 'RESET BINARY LOGS AND GTIDS');
  for (const replica of replicas)
    await run(
      replica,
      `RESET BINARY LOGS AND GTIDS; CHANGE REPLICATION SOURCE TO SOURCE_HOST='primary', SOURCE_USER='root',
       SOURCE_PASSWORD='${PASSWORD}', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1; START REPLICA;
       SET PERSIST read_only = 1`,
    );
  const urls = [primary, ...replicas].map(
    (node) => `mysql://root:${PASSWORD}@${node.getHost()}:${node.getMappedPort(3306)}`,
  );
  const stop = async () => {
    await Promise.all([primary, ...replicas].map((node) => node.stop()));
    await network.stop();
  };
  return { urls: urls.join(' '), stop };
}

async function run(container, sql) {
  const { exitCode, output } = await container.exec(['mysql', '-uroot', `-p${PASSWORD}`, '-e', sql]);
  if (exitCode !== 0) throw new Error(output);
}

const given = env.TEST_MYSQL_URLS;
const servers = given ? { urls: given, stop: async () => undefined } : await startContainers();
const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--runInBand'];
const files = argv.length > 2 ? argv.slice(2) : FILES;
const tests = spawn(execPath, [...jest, ...files], {
  stdio: 'inherit',
  env: { ...env, TEST_DATABASE: 'mysql', TEST_MYSQL_URLS: servers.urls },
});
const [code] = await once(tests, 'exit');
await servers.stop();
exit(code ?? 1);
