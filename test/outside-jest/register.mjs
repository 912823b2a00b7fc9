// `node --import` this file, and Node runs the TypeScript of tests and library as it is. For the packages that jest
// cannot load: CommonJS ones that require() the ES modules of Nest 12.
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
