import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { InjectReplicatedRepository, type ReplicatedRepository } from 'nestjs-replicated';
import { Book } from './book.js';

@Resolver(() => Book)
export class BooksResolver {
  constructor(@InjectReplicatedRepository(Book) private readonly books: ReplicatedRepository<Book>) {}

  @Query(() => [Book])
  allBooks(): Promise<Book[]> {
    return this.books.find(); // a replica, though GraphQL comes by POST
  }

  @Mutation(() => Book)
  addBook(@Args('title') title: string): Promise<Book> {
    return this.books.save({ title }); // the primary
  }
}
