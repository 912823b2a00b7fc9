export { ReplicatedGraphqlModule } from './replicated-graphql.module.js';
