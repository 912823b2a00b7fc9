import type { Dialect } from '../engine.js';
import { postgres } from './postgres/postgres.js';

const DIALECTS: Readonly<Record<string, Dialect>> = { postgres };

/** The dialect for a `type` of TypeORM. Options without replicas never get to ask it anything. */
export function createDialect(type: string): Dialect {
  return DIALECTS[type] ?? postgres;
}
