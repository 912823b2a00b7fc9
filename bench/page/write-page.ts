import type { Results } from '../results.js';
export async function writePage(_results: Results, _out: string): Promise<void> {}
