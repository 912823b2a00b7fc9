import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { ReplicatedModule } from 'nestjs-replicated';
import { ReplicatedGraphqlModule } from 'nestjs-replicated/graphql';
import { Book } from './book.js';
import { BooksResolver } from './books.resolver.js';

@Module({
  imports: [
    ReplicatedModule.forRoot({
      type: 'postgres',
      entities: [Book],
      synchronize: true,
      primary: { url: process.env['PRIMARY_URL'] },
      replicas: [{ url: process.env['REPLICA_URL'] }],
      routing: { explainHeader: true },
    }),
    ReplicatedModule.forFeature([Book]),
    GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }),
    ReplicatedGraphqlModule,
  ],
  providers: [BooksResolver],
})
export class AppModule {}
