import type { Type } from '@nestjs/common';
import { pathToFileURL } from 'node:url';
import type { Nodes } from '../database-options.js';
import { openApp } from '../../support/open-app.js';

/** The process of `listenOutsideJest`: serves until its parent disconnects. */
const [file = '', nodes = ''] = process.argv.slice(2);
const { application } = (await import(pathToFileURL(file).href)) as { application: (nodes: Nodes) => Type };
const app = await openApp({ imports: [application(JSON.parse(nodes) as Nodes)] });
process.once('disconnect', () => void app.close());
process.send?.(app.url);
