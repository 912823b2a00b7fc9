import { listenOutsideJest } from '../outside-jest/listen-outside-jest.js';
import { describeTransactions } from './describe-transactions.js';

describeTransactions('@nestjs-cls/transactional', (nodes) =>
  listenOutsideJest('transactions/nestjs-cls.application.ts', nodes),
);
