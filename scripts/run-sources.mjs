// `node --import` this file, and Node runs the TypeScript of library, sample application, examples and tests as it is: no
// build stands before `npm start`, nor before tests of packages that jest cannot load (CommonJS that requires Nest 12).
import { register } from 'node:module';

register('./run-sources-hooks.mjs', import.meta.url);
