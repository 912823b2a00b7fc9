import { listen } from '../listen.js';
import { callbackApplication } from './callback.application.js';
import { describeTransactions } from './describe-transactions.js';

describeTransactions("TypeORM's own callback", (nodes) => listen(callbackApplication(nodes)));
