// The pure steps of the library are not in its public API, so they are taken from the build by path. The path is
// computed, because this file and its compiled form are not at the same depth.
const build = new URL('../../../dist/esm/', import.meta.url).href;

export const { decideReplica } = (await import(
  `${build}routing/decide-route.js`
)) as typeof import('../../dist/esm/routing/decide-route.js');

export const { openTokens, sealTokens } = (await import(
  `${build}tokens/token-text.js`
)) as typeof import('../../dist/esm/tokens/token-text.js');

export const { createKeyring } = (await import(
  `${build}tokens/keyring.js`
)) as typeof import('../../dist/esm/tokens/keyring.js');

export const { postgres } = (await import(
  `${build}engines/postgres/postgres.js`
)) as typeof import('../../dist/esm/engines/postgres/postgres.js');

export const { historyOf, positionOf } = (await import(
  `${build}engines/postgres/positions.js`
)) as typeof import('../../dist/esm/engines/postgres/positions.js');

export const { createProbe } = (await import(
  `${build}engines/postgres/probe.js`
)) as typeof import('../../dist/esm/engines/postgres/probe.js');
