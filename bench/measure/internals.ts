// The pure steps of the library are not in its public API, so they are taken from the build by path. The path is
// computed, because this file and its compiled form are not at the same depth.
const build = new URL('../../../dist/esm/', import.meta.url).href;

export const { decideReplica } = (await import(
  `${build}routing/decide-route.js`
)) as typeof import('../../dist/esm/routing/decide-route.js');

export const { openTokens, sealTokens } = (await import(
  `${build}consistency/token-text.js`
)) as typeof import('../../dist/esm/consistency/token-text.js');

export const { createKeyring } = (await import(
  `${build}consistency/keyring.js`
)) as typeof import('../../dist/esm/consistency/keyring.js');

export const { postgres } = (await import(
  `${build}dialects/postgres.js`
)) as typeof import('../../dist/esm/dialects/postgres.js');
