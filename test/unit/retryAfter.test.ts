import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LONGEST_RETRY_AFTER_MS, readRetryAfter } from '../../src/retryAfter.js';

const NOW = Date.parse('2026-01-01T00:00:00Z');

describe('readRetryAfter', () => {
  it.each([
    ['seconds', '30', 30_000],
    ['none', '0', 0],
    ['a fraction', '56.818', 56_818],
    ['a fraction of a millisecond, rounded up', '0.0001', 1],
    ['an HTTP date', 'Thu, 01 Jan 2026 00:00:45 GMT', 45_000],
    ['an HTTP date of RFC 850', 'Thursday, 01-Jan-26 00:00:45 GMT', 45_000],
    ['a date in the past', 'Wed, 31 Dec 2025 23:59:00 GMT', 0],
    ['a day', '86400', LONGEST_RETRY_AFTER_MS],
    ['a date next year', 'Fri, 01 Jan 2027 00:00:00 GMT', LONGEST_RETRY_AFTER_MS],
  ])('reads %s', (_name, value, ms) => {
    expect(readRetryAfter(value, NOW)).toBe(ms);
  });

  it.each([undefined, '', ' ', '-1', '1e9', 'NaN', 'Infinity', 'soon', '30 s', '30, 60', '.', 'Mon, never'])(
    'ignores %j',
    (value) => {
      expect(readRetryAfter(value, NOW)).toBeUndefined();
    },
  );

  it('never gives anything but whole milliseconds from 0 to an hour', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double().map(String), fc.date().map(String)), (value) => {
        const ms = readRetryAfter(value, NOW) ?? 0;

        expect(Number.isInteger(ms) && ms >= 0 && ms <= LONGEST_RETRY_AFTER_MS).toBe(true);
      }),
    );
  });
});
