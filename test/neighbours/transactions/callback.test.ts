import { openApp } from '../../support/open-app.js';
import { callbackApplication } from './callback.application.js';
import { describeTransactions } from './describe-transactions.js';

describeTransactions("TypeORM's own callback", (nodes) => openApp({ imports: [callbackApplication(nodes)] }));
