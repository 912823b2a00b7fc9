import { describe, expect, it } from '@jest/globals';
import { classifyCockroachFailure } from './failure.js';

describe('a failure before CockroachDB', () => {
  it.each([
    ['40001', 'restart transaction: TransactionRetryWithProtoRefreshError', 'ERROR', 'query'],
    ['25006', 'cannot execute INSERT in a read-only transaction', 'ERROR', 'read-only'],
    ['42601', 'AS OF SYSTEM TIME specified with READ WRITE mode', 'ERROR', 'read-only'],
    ['42601', 'at or near "SELCT": syntax error', 'ERROR', 'query'],
    ['42P01', 'relation "note" does not exist', 'ERROR', 'schema-behind'],
    ['53300', 'sorry, too many clients already', 'FATAL', 'overload'],
    ['57P01', 'server is shutting down', 'FATAL', 'connection'],
    ['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:26257', undefined, 'connection'],
  ])('%s, "%s"', (code, message, severity, kind) => {
    const driverError = Object.assign(new Error(message), { code, severity });
    expect(classifyCockroachFailure({ driverError })).toBe(kind);
  });
});
