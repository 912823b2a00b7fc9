import { describe, expect, it } from '@jest/globals';
import { WritePosition } from './write-position.js';

const FACTS = {
  lsn: '0/16B3748',
  file: '0000000A0000000000000001',
  pid: '4711',
  block_size: '8192',
  segment_size: '16777216',
};

type Facts = Partial<Record<keyof typeof FACTS, string | undefined>>;

const row = ({ lsn, file, pid, block_size, segment_size }: Facts) => [
  lsn,
  file,
  pid,
  block_size,
  segment_size,
];

describe('the position after a commit', () => {
  it('alone is asked for where the timeline cannot change: on a connection to the server itself', () => {
    const position = new WritePosition({ processID: 4711 });
    expect(position.sql).toContain('pg_walfile_name');
    expect(position.read(row(FACTS))).toEqual({ position: 0x16b3748n, history: 10 });
    expect(position.sql).toBe('SELECT pg_current_wal_insert_lsn()::text AS lsn');
    expect(position.read(row({ lsn: '0/16B3800' }))).toEqual({ position: 0x16b3800n, history: 10 });
  });

  it.each([
    ['a pooler, which has made up the number of the process', 1],
    ['a client that does not tell the number', undefined],
    ['a client that has not heard of it', null],
  ])('comes with its timeline each time from %s', (_what, processID) => {
    const position = new WritePosition(processID === undefined ? {} : { processID });
    position.read(row(FACTS));
    expect(position.sql).toContain('pg_walfile_name');
    expect(position.sql).not.toContain('pg_backend_pid');
    const next = row({ lsn: '0/16B3800', file: '0000000B0000000000000001' });
    expect(position.read(next)).toEqual({ position: 0x16b3800n, history: 11 });
  });

  it('takes the sizes that the server was built with', () => {
    const position = new WritePosition({ processID: 4711 });
    const read = (lsn: string) => position.read(row({ ...FACTS, lsn, block_size: '4096' }))?.position;
    expect(read('0/16B4018')).toBe(0x16b4000n);
    expect(new WritePosition({}).read(row({ ...FACTS, lsn: '0/16B3018' }))?.position).toBe(0x16b3018n);
  });

  it.each<[string, Facts | undefined]>([
    ['nothing', undefined],
    ['no position', { ...FACTS, lsn: undefined }],
    ['no timeline', { ...FACTS, file: undefined }],
  ])('is not known from an answer with %s', (_what, facts) => {
    expect(new WritePosition({ processID: 4711 }).read(facts && row(facts))).toBeUndefined();
  });
});
