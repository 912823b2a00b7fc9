import { describe, it } from '@jest/globals';
import { check, primary, replica, WRITE, type Row } from '../../test/support/decisions.js';

describe('a unit that has read the primary in the place of replicas', () => {
  const a = replica('a');
  const down = { primary: primary('unreachable') };

  it.each<Row>([
    ['goes on with it', [a], { kept: 'no-usable-replica' }, 'primary: no-usable-replica'],
    [
      'for its own reason first',
      [a],
      { kept: 'behind-token', fallback: 'behind-schema' },
      'primary: behind-schema',
    ],
    ['not while the primary is down', [a], { ...down, kept: 'behind-token' }, 'a: read-method'],
    [
      'nor when it has failed the query',
      [a],
      { kept: 'behind-token', failed: new Set(['p']) },
      'a: read-method',
    ],
    [
      'nor against the options',
      [a],
      { kept: 'behind-token', terms: { allowsFallback: false } },
      'a: read-method',
    ],
    [
      'nor where it asks for the primary',
      [a],
      { kept: 'behind-token', choice: WRITE },
      'primary writable: write-method',
    ],
    ['nor unrouted', [a], { kept: 'behind-token', mode: 'observe' }, 'primary writable: mode-observe'],
  ])('%s', check);
});
