import { correctInsertPosition, parseLsn } from '../consistency/position.js';
import type { CapturedPosition, WriteWatch } from './dialect.js';
import type { PgClient, PgResult } from './pg-client.js';
import { captureWithCommit, type CommitOutcome } from './postgres-commit.js';

export const POSITION_SQL = `SELECT pg_current_wal_insert_lsn() AS lsn, substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) AS timeline, current_setting('wal_block_size') AS block_size, pg_size_bytes(current_setting('wal_segment_size')) AS segment_size`;

/** Reads the answer to {@link POSITION_SQL}. */
export function readPosition(result: PgResult | undefined): CapturedPosition | undefined {
  const row = result?.rows[0];
  if (!row?.['lsn'] || !row['timeline']) return undefined;
  const sizes = { walBlockSize: Number(row['block_size']), walSegmentSize: Number(row['segment_size']) };
  return {
    position: correctInsertPosition(parseLsn(row['lsn']), sizes),
    timeline: parseInt(row['timeline'], 16),
  };
}

// Tags of statements that change nothing that a replica would have to replay.
const HARMLESS = new Set(
  'SELECT SHOW SET RESET BEGIN START COMMIT ROLLBACK SAVEPOINT RELEASE EXPLAIN FETCH MOVE CLOSE DECLARE PREPARE DEALLOCATE DISCARD LISTEN UNLISTEN NOTIFY LOCK CHECKPOINT VALUES TABLE'.split(
    ' ',
  ),
);
const COMMIT = /^\s*(commit|end)(\s+(work|transaction))?\s*;?\s*$/i;
const ROLLBACK_TO = /^\s*rollback\s+((work|transaction)\s+)?to\b/i;
const WRITING_CTE = /^\s*with\b[^]*\b(insert|update|delete|merge)\b/i;

/**
 * The client as TypeORM sees it on a writable session. Only `query` differs: committed writes are told to `watch`, with
 * the position of the log behind them. Nothing here changes what a statement answers, or whether it fails.
 */
export function observePostgresWrites(connection: unknown, watch: WriteWatch): unknown {
  const client = connection as PgClient & object;
  const observer = new WriteObserver(client, watch);
  const query = observer.query.bind(observer);
  return new Proxy(client, {
    get(target, key) {
      if (key === 'query') return query;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

class WriteObserver {
  private isInTransaction = false;
  private hasWritten = false;

  constructor(
    private readonly client: PgClient,
    private readonly watch: WriteWatch,
  ) {}

  query(...args: readonly unknown[]): unknown {
    const [text] = args;
    // Streams, COPY and callers with a callback get the client itself: TypeORM's own calls are (text, values).
    if (typeof text !== 'string' || typeof args.at(-1) === 'function') return this.passThrough(args);
    return this.run(text, args, this.watch.isRaw);
  }

  private async run(text: string, args: readonly unknown[], isRaw: boolean): Promise<unknown> {
    if (this.hasWritten && COMMIT.test(text)) return this.commit(text);
    let answer: PgResult | PgResult[];
    try {
      answer = (await this.client.query(...args)) as PgResult | PgResult[];
    } catch (error) {
      await this.afterFailure(text, error);
      throw error;
    }
    for (const result of Array.isArray(answer) ? answer : [answer]) this.note(result, text, isRaw);
    if (this.hasWritten && !this.isInTransaction) await this.captureNow();
    return answer;
  }

  private note(result: PgResult, text: string, isRaw: boolean): void {
    const tag = result?.command ?? '';
    if (tag === 'BEGIN' || tag === 'START') this.setTransaction(true);
    else if (tag === 'COMMIT') this.setTransaction(false);
    else if (tag === 'ROLLBACK' && !ROLLBACK_TO.test(text)) this.forget();
    else if (!HARMLESS.has(tag) || (tag === 'SELECT' && (isRaw || WRITING_CTE.test(text))))
      this.hasWritten = true;
  }

  private forget(): void {
    this.setTransaction(false);
    this.hasWritten = false;
  }

  private setTransaction(isOpen: boolean): void {
    if (isOpen !== this.isInTransaction) this.watch.transaction(isOpen);
    this.isInTransaction = isOpen;
  }

  private async commit(text: string): Promise<unknown> {
    if (!this.watch.wantsPosition) {
      const answer = (await this.client.query(text)) as PgResult;
      const isCommitted = answer.command === 'COMMIT';
      this.forget();
      if (isCommitted) await this.watch.committed(undefined);
      return answer;
    }
    const outcome = await captureWithCommit(this.client, POSITION_SQL);
    return this.settle(outcome);
  }

  private async settle(outcome: CommitOutcome): Promise<unknown> {
    this.forget();
    switch (outcome.kind) {
      case 'committed':
        await this.watch.committed(readPosition(outcome.position), outcome.problem);
        return outcome.answer;
      case 'rolled-back':
        return outcome.answer;
      case 'failed':
        // Without an SQLSTATE the answer was lost: the commit may well have happened.
        if (!hasSqlState(outcome.error)) await this.watch.committed(undefined, outcome.error);
        throw outcome.error;
      default:
        return outcome satisfies never;
    }
  }

  private async captureNow(): Promise<void> {
    this.hasWritten = false;
    if (!this.watch.wantsPosition) return this.watch.committed(undefined);
    try {
      const result = (await this.client.query(POSITION_SQL)) as PgResult;
      await this.watch.committed(readPosition(result));
    } catch (problem) {
      await this.watch.committed(undefined, problem);
    }
  }

  /** A lost connection leaves open whether an autocommit write was applied. */
  private async afterFailure(text: string, error: unknown): Promise<void> {
    if (hasSqlState(error) || this.isInTransaction) return;
    if (/^\s*(select|show|values|table)\b/i.test(text) && !this.watch.isRaw) return;
    await this.watch.committed(undefined, error);
  }

  private passThrough(args: readonly unknown[]): unknown {
    const text = (args[0] as { text?: unknown; cursor?: { text?: unknown } }).text ?? args[0];
    const answer = this.client.query(...args);
    if (typeof text !== 'string' || !/^\s*select\b/i.test(text)) {
      if (this.isInTransaction) this.hasWritten = true;
      else void this.watch.committed(undefined);
    }
    return answer;
  }
}

function hasSqlState(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^(08|57P0)/.test(code);
}
