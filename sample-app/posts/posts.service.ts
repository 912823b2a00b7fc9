import { Injectable } from '@nestjs/common';
import { InjectReplicatedRepository, type ReplicatedRepository } from 'nestjs-replicated';
import { ILike, LessThan } from 'typeorm';
import { Comment, Post } from './post.entity.js';

const PER_PAGE = 20;

/** Who has written, and how many posts. */
export interface Author {
  readonly author: string;
  readonly posts: number;
}

@Injectable()
export class PostsService {
  constructor(
    @InjectReplicatedRepository(Post) private readonly posts: ReplicatedRepository<Post>,
    @InjectReplicatedRepository(Comment) private readonly comments: ReplicatedRepository<Comment>,
  ) {}

  latest(before?: number): Promise<Post[]> {
    return this.posts.find({
      where: before === undefined ? {} : { id: LessThan(before) },
      relations: { comments: true },
      order: { id: 'DESC', comments: { id: 'ASC' } },
      take: PER_PAGE,
    });
  }

  /** Looked up by a link that its author may have shared a moment ago: what a replica does not know, the primary may. */
  findOne(id: number): Promise<Post | null> {
    return this.posts.orPrimary.findOne({
      where: { id },
      relations: { comments: true },
      order: { comments: { id: 'ASC' } },
    });
  }

  search(text: string): Promise<Post[]> {
    const pattern = `%${text.replace(/[\\%_]/g, '\\$&')}%`;
    return this.posts.find({
      where: [{ text: ILike(pattern) }, { author: ILike(pattern) }],
      relations: { comments: true },
      order: { id: 'DESC', comments: { id: 'ASC' } },
      take: PER_PAGE,
    });
  }

  async authors(): Promise<Author[]> {
    const rows = await this.posts
      .createQueryBuilder('post')
      .select('post.author', 'author')
      .addSelect('count(*)', 'posts')
      .groupBy('post.author')
      .orderBy('posts', 'DESC')
      .limit(PER_PAGE)
      .getRawMany<{ author: string; posts: string }>();
    return rows.map(({ author, posts }) => ({ author, posts: Number(posts) }));
  }

  create(author: string, text: string): Promise<Post> {
    return this.posts.save(this.posts.create({ author, text, createdAt: new Date() }));
  }

  /** Resolves to `undefined` if there is no such post. */
  async comment(
    postId: number,
    { author, text }: Pick<Comment, 'author' | 'text'>,
  ): Promise<Comment | undefined> {
    const post = await this.posts.findOneBy({ id: postId });
    if (post === null) return undefined;
    return this.comments.save(this.comments.create({ post, author, text, createdAt: new Date() }));
  }
}
