import { openApp } from '../../support/open-app.js';
import { describeTransactions } from './describe-transactions.js';
import { decoratedApplication } from './typeorm-transactional.application.js';

describeTransactions('typeorm-transactional', (nodes) => openApp({ imports: [decoratedApplication(nodes)] }));
