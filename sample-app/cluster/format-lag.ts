/** "lag 3 ms", "lag 2.6 s", "lag unknown". */
export function formatLag(lagMs: number | undefined): string {
  if (lagMs === undefined) return 'lag unknown';
  return lagMs < 1_000 ? `lag ${Math.round(lagMs)} ms` : `lag ${(lagMs / 1_000).toFixed(1)} s`;
}
