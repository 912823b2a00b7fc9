import { describeValue } from './describe-value.js';
import type { ResolvedConsistency } from './resolved-options.js';
import { hasFunctions, type Section } from './section.js';

type CarrierOption = ResolvedConsistency['carriers'][number];

const BUILT_IN = new Set<unknown>(['cookie', 'header', 'store']);

/** An empty list is legal: tokens then travel by the application's own code, with `token()` and `run({ token })`. */
export function readCarriers(consistency: Section): readonly CarrierOption[] {
  const values = consistency.list('carriers', "['cookie', 'header']") ?? ['cookie'];
  const names = new Set<string>();
  for (const [index, value] of values.entries()) {
    const path = `carriers[${index}]`;
    if (!isCarrier(value)) consistency.refuse(path, `expected ${EXPECTED}, got ${describeValue(value)}.`);
    else if (names.has(nameOf(value))) consistency.refuse(path, `'${nameOf(value)}' is listed twice.`);
    else names.add(nameOf(value));
  }
  return Object.freeze(values.filter(isCarrier));
}

const EXPECTED = "'cookie', 'header', 'store' or an object with a name and a function read(exchange)";

function isCarrier(value: unknown): value is CarrierOption {
  if (BUILT_IN.has(value)) return true;
  return hasFunctions(value, 'read') && typeof value['name'] === 'string' && value['name'] !== '';
}

function nameOf(carrier: CarrierOption): string {
  return typeof carrier === 'string' ? carrier : carrier.name;
}
