// Runs jest on the projects that are named first, see jest.config.mjs; the rest goes to jest. Files that are named are run
// whatever project they belong to: `node scripts/test.mjs unit cluster test/faults/fallback`.
import { spawn } from 'node:child_process';
import { argv, execPath, exit } from 'node:process';
import jestConfig from '../jest.config.mjs';

const names = new Set(jestConfig.projects.map(({ displayName }) => displayName));
const given = argv.slice(2);
const firstOther = given.findIndex((word) => !names.has(word));
const [projects, rest] = firstOther < 0 ? [given, []] : [given.slice(0, firstOther), given.slice(firstOther)];
const namesFiles = rest.some((word) => /^(?:\.\/|\/)?(?:.*\/)?(?:src|test|sample-app)\//.test(word));

const node = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
const selected = namesFiles ? [] : ['--selectProjects', ...projects];
const jest = spawn(execPath, [...node, 'node_modules/jest/bin/jest.js', ...rest, ...selected], {
  stdio: 'inherit',
});
jest.on('exit', (code) => exit(code ?? 1));
