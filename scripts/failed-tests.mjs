// Prints the files of tests that failed, by the results that jest has written; refuses when they are more than a few.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { argv, cwd, exit } from 'node:process';

const AT_MOST = 3;

const { testResults } = JSON.parse(readFileSync(argv[2], 'utf8'));
const failed = testResults
  .filter(({ status }) => status === 'failed')
  .map(({ name }) => relative(cwd(), name));
if (failed.length === 0 || failed.length > AT_MOST) {
  console.error(`${failed.length} files failed: ${failed.join(' ')}`);
  exit(1);
}
console.log(failed.join(' '));
