// Writes docs/options.md from the documentation of the options' types. With `--print` it only prints it.
import { writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import ts from 'typescript';

const SOURCE = 'src/options/options.ts';
const TARGET = 'docs/options.md';

const program = ts.createProgram([SOURCE], { strict: true, lib: ['lib.es2022.d.ts'], types: [] });
const checker = program.getTypeChecker();
const types = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(SOURCE)));

/** The options of a type and, below them, those of the types that they are. */
function* rows(typeName, path) {
  const type = checker.getDeclaredTypeOfSymbol(types.find(({ name }) => name === typeName));
  for (const option of type.getProperties()) {
    const inner = checker.getNonNullableType(checker.getTypeOfSymbol(option)).symbol?.name;
    const name = `${path}${option.name}`;
    if (/^\w+Options$/.test(inner ?? '')) yield* rows(inner, `${name}.`);
    else yield `| \`${name}\` | ${defaultOf(option, name)} | ${meaningOf(option, name)} |`;
  }
}

function meaningOf(option, name) {
  const text = ts.displayPartsToString(option.getDocumentationComment(checker));
  if (text === '') throw new Error(`${name} has no TSDoc that says what it is.`);
  return onOneLine(text);
}

/** Code when it is a value, and words when it depends on something. */
function defaultOf(option, name) {
  if (!(option.flags & ts.SymbolFlags.Optional)) return 'must be given';
  const tag = option.getJsDocTags(checker).find(({ name }) => name === 'default');
  const text = ts.displayPartsToString(tag?.text);
  if (text === '') throw new Error(`${name} has no @default in its TSDoc.`);
  return /^(true|false|\d+|'[^']*'|\[.*\])$/.test(text) ? `\`${text}\`` : onOneLine(text);
}

function onOneLine(text) {
  return text.replaceAll(/\s*\n\s*/g, ' ').replaceAll('|', '\\|');
}

const table = (typeName, path = '') =>
  ['| option | default | |', '| --- | --- | --- |', ...rows(typeName, path)].join('\n');

const text = `<!-- Written by \`npm run docs\` from src/options; change the declarations there. -->

# Options

What \`ReplicatedModule.forRoot\` takes besides everything of TypeORM's. Times are in milliseconds. Wrong options are refused at start-up, all problems in one error.

## Servers

\`primary\` and each of \`replicas\` take TypeORM's options of a connection (\`url\`, or \`host\`, \`port\` and so on, \`poolSize\`, \`ssl\`, \`extra\`), over those at the top level. \`replicas\` may be empty. TypeORM's \`replication: { master, slaves }\` is accepted in their place. Each server may have:

${table('ReplicaSettings')}

\`weight\` and \`group\` are for replicas only; see [Placing reads](placing-reads.md). Beside them, at the top level:

${table('SessionOptions')}

## Routing

${table('RoutingOptions', 'routing.')}

## Consistency

${table('ConsistencyOptions', 'consistency.')}

See [Consistency](consistency.md).

## Monitor

${table('MonitorOptions', 'monitor.')}

## Cluster

${table('ClusterOptions', 'cluster.')}

See [Failures](failures.md), [Replicas that come and go](membership.md) and [Poolers and managed services](recipes/poolers-and-managed-services.md).
`;

const formatted = await format(text, { ...(await resolveConfig(TARGET)), filepath: TARGET });
if (process.argv.includes('--print')) process.stdout.write(formatted);
else writeFileSync(TARGET, formatted);
