import { describe, expect, it } from '@jest/globals';
import { redactUrl } from './describe-value.js';

describe('a redacted url', () => {
  it.each([
    ['postgres://u:secret@h/db', 'postgres://u:***@h/db'],
    ['postgres://:secret@h/db', 'postgres://:***@h/db'],
    ['postgres://u@server:secret@h/db', 'postgres://u@server:***@h/db'],
    ['postgres://u:se@c/r:et@h/db', 'postgres://u:***@h/db'],
    ['postgres://u:secret@a:1,b:2/db', 'postgres://u:***@a:1,b:2/db'],
    [
      'postgres://h/db?user=u&password=secret&sslmode=require',
      'postgres://h/db?user=u&password=***&sslmode=require',
    ],
    ['host=h user=u password=secret dbname=db', 'host=h user=u password=*** dbname=db'],
  ])('%s', (url, redacted) => {
    expect(redactUrl(url)).toBe(redacted);
  });

  it.each(['postgres://u@h:5432/db?sslmode=require', 'localhost:5432/db', ''])(
    'without a password is itself: %s',
    (url) => {
      expect(redactUrl(url)).toBe(url);
    },
  );
});
