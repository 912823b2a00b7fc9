// Keeps a report of each entry's public types in etc/: what changes there changes the contract. Fails if a report is not
// what the sources say; with `--write` it writes them.
import { Extractor, ExtractorConfig, CompilerState } from '@microsoft/api-extractor';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const DECLARATIONS = resolve('.cache/declarations');
const REPORTS = resolve('etc');
const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
const entries = Object.keys(exports).filter((name) => !name.endsWith('.json'));
const isWriting = process.argv.includes('--write');

emitDeclarations();
mkdirSync(REPORTS, { recursive: true });
const configs = entries.map(configOf);
const compilerState = CompilerState.create(configs[0], {
  additionalEntryPoints: configs.map(({ mainEntryPointFilePath }) => mainEntryPointFilePath),
});
const changed = configs.filter((config) => isChanged(config));
if (changed.length > 0 && !isWriting) {
  console.error('The public types have changed: look at them with `npm run api`, and commit etc/.');
  process.exit(1);
}

function emitDeclarations() {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const flags = ['--emitDeclarationOnly', '--noCheck', '--sourceMap', 'false', '--outDir', DECLARATIONS];
  execFileSync(process.execPath, [tsc, '--project', 'tsconfig.build.json', ...flags], { stdio: 'inherit' });
}

function configOf(entry) {
  const name = entry === '.' ? 'index' : entry.slice(2);
  return ExtractorConfig.prepare({
    configObject: {
      projectFolder: process.cwd(),
      mainEntryPointFilePath: resolve(DECLARATIONS, entry, 'index.d.ts'),
      newlineKind: 'lf',
      compiler: { tsconfigFilePath: resolve('tsconfig.build.json') },
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder: REPORTS,
        reportTempFolder: resolve(DECLARATIONS, '../api-reports'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: { default: { logLevel: 'none' } },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
    configObjectFullPath: resolve('etc/api-extractor.json'),
    packageJsonFullPath: resolve('package.json'),
  });
}

function isChanged(config) {
  const { apiReportChanged, errorCount } = Extractor.invoke(config, {
    compilerState,
    localBuild: isWriting,
    messageCallback: (message) => (message.handled = message.logLevel === 'info'),
  });
  if (errorCount > 0) throw new Error(`${config.mainEntryPointFilePath} has errors.`);
  return apiReportChanged;
}
