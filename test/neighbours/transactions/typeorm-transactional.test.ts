import { listen } from '../listen.js';
import { describeTransactions } from './describe-transactions.js';
import { decoratedApplication } from './typeorm-transactional.application.js';

describeTransactions('typeorm-transactional', (nodes) => listen(decoratedApplication(nodes)));
