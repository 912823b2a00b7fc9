/**
 * A script without Nest, after a build, over servers that are named by PRIMARY_URL and REPLICA_URLS:
 *
 *     node sample-app/dist/most-active.js
 */
import { fileURLToPath } from 'node:url';
import { createReplicatedDataSource } from 'nestjs-replicated';
import { databaseOptions, type DatabaseUrls } from './database-options.js';
import { Post } from './posts/post.entity.js';

/** Names who has posted most, and the node that has said so: a report is what replicas are for. */
export async function mostActive(urls: DatabaseUrls): Promise<string> {
  const database = createReplicatedDataSource({ ...databaseOptions(urls), name: 'report' });
  await database.initialize();
  try {
    return await database.selector.run({ intent: 'replica' }, async () => {
      const posts = database.getRepository(Post).createQueryBuilder('post');
      const authors = await posts
        .select('post.author', 'author')
        .addSelect('COUNT(*)', 'posts')
        .groupBy('post.author')
        .orderBy('COUNT(*)', 'DESC')
        .addOrderBy('post.author')
        .limit(10)
        .getRawMany<{ author: string; posts: string }>();
      const lines = authors.map(({ author, posts: count }) => `${author}: ${count}`);
      return [...lines, `(says ${database.selector.route?.node})`].join('\n');
    });
  } finally {
    await database.destroy();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { PRIMARY_URL: primaryUrl = '', REPLICA_URLS: replicaUrls = '' } = process.env;
  console.log(await mostActive({ primaryUrl, replicaUrls: replicaUrls.split(',').filter(Boolean) }));
}
