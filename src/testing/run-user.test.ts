import { describe, expect, it } from '@jest/globals';
import { parseUser } from './run-user.js';

describe('parseUser', () => {
  const linux = 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533:nobody:/:/usr/sbin/nologin\n';
  const macOs = '# comment\nnobody:*:-2:-2:Unprivileged User:/var/empty:/usr/bin/false\n';

  it('reads the ids of an account', () => {
    expect(parseUser(linux, 'nobody')).toEqual({ uid: 65534, gid: 65533 });
  });

  it('makes negative ids what the system calls expect', () => {
    expect(parseUser(macOs, 'nobody')).toEqual({ uid: 4294967294, gid: 4294967294 });
  });

  it('knows when there is none', () => {
    expect(parseUser(linux, 'postgres')).toBeUndefined();
  });
});
