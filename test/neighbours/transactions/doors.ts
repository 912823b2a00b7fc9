import type { Repository } from 'typeorm';
import { SESSION_ID, sqlOf } from '../../support/database.js';
import type { Post } from '../post.js';

/** The ways by which code inside a transaction reaches the database, by name. */
export type Doors = Readonly<Record<string, Repository<Post>>>;

/** What code inside a transaction has. */
export interface Inside {
  readonly doors: Doors;
  /** Runs `work` in a transaction that begins inside this one. */
  nest<T>(work: (inside: Inside) => Promise<T>): Promise<T>;
}

/** A style of transactions, as an application uses it. */
export abstract class Transactions {
  /** Runs `work` in a transaction. */
  abstract run<T>(work: (inside: Inside) => Promise<T>): Promise<T>;
}

/** Tells servers apart. */
export const SERVER = sqlOf({ postgres: 'pg_postmaster_start_time()::text', mariadb: '@@port' });

/** What one door shows. */
export interface View {
  readonly door: string;
  /** The server process behind its raw queries, and its server. */
  readonly process: string;
  /** How many posts with the text its finders see. */
  readonly posts: number;
}

export async function lookThrough(doors: Doors, text: string): Promise<View[]> {
  const views: View[] = [];
  for (const [door, posts] of Object.entries(doors)) {
    const [{ process }] = await posts.query(`SELECT CONCAT(${SESSION_ID}, ' of ', ${SERVER}) AS process`);
    views.push({ door, process, posts: await posts.countBy({ text }) });
  }
  return views;
}
