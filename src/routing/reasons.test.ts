import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

describe('docs/reasons.md', () => {
  it('says of every reason when it arises, and of no other', () => {
    const source = readFileSync(join(ROOT, 'src/routing/route.ts'), 'utf8');
    const types = source.slice(source.indexOf('type IntentReason'), source.indexOf('type Reason'));
    const declared = [...types.matchAll(/^ {2}\| '([a-z-]+)'/gm)].map(([, reason]) => reason);
    const docs = readFileSync(join(ROOT, 'docs/reasons.md'), 'utf8');
    const cells = [...docs.matchAll(/^\| (`[^|]*) \|/gm)].map(([, cell = '']) => cell).join(' ');
    const documented = [...cells.matchAll(/`([a-z-]+)`/g)].map(([, reason]) => reason);
    expect(declared).toContain('behind-start');
    expect([...documented, 'in-transaction'].toSorted()).toEqual(declared.toSorted());
    expect(docs).toContain('`in-transaction`');
  });
});
