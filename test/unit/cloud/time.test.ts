import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseTime, readTime } from '../../../src/cloud/time.js';

describe('readTime', () => {
  it.each([
    ['nine fraction digits', '2020-02-02 08:12:40.672772389 +0000 UTC', '2020-02-02T08:12:40Z'],
    ['six fraction digits', '2019-02-01 12:09:28.712099 +0000 UTC', '2019-02-01T12:09:28Z'],
    ['no fraction', '2019-02-01 12:09:28 +0000 UTC', '2019-02-01T12:09:28Z'],
    ['an offset and a zone', '2020-02-02 16:12:40.6 +0800 CST', '2020-02-02T08:12:40Z'],
    ['a zone without a name', '2020-02-02 05:12:40.6 -0300 -03', '2020-02-02T08:12:40Z'],
    ['a repeated offset', '2020-02-02 13:42:40 +0530 +0530', '2020-02-02T08:12:40Z'],
    ['a monotonic reading', '2020-02-02 08:12:40.67 +0000 UTC m=+0.1', '2020-02-02T08:12:40Z'],
    ['no zone name', '2020-02-02 08:12:40 +0000', '2020-02-02T08:12:40Z'],
    ['no zone at all', '2020-02-02 08:12:40.5', '2020-02-02T08:12:40Z'],
    ['RFC 3339 without a zone', '2020-02-02T08:12:40', '2020-02-02T08:12:40Z'],
    ['RFC 3339', '2020-01-04T09:05:22.701000Z', '2020-01-04T09:05:22Z'],
    ['RFC 3339 with an offset', '2020-01-04T10:05:22+01:00', '2020-01-04T09:05:22Z'],
    ['the 29th of February of a leap year', '2024-02-29 00:00:00 +0000 UTC', '2024-02-29T00:00:00Z'],
    [
      'a fraction that rounds up elsewhere',
      '2020-12-31 23:59:59.999999999 +0000 UTC',
      '2020-12-31T23:59:59Z',
    ],
  ])('reads %s', (_name, text, time) => {
    expect(readTime(text)).toBe(time);
  });

  it.each([
    ['nothing', ''],
    ['a word', 'yesterday'],
    ['a zone name without an offset', '2020-02-02 08:12:40 CST'],
    ['the 29th of February of other years', '2023-02-29 00:00:00 +0000 UTC'],
    ['the 31st of April', '2020-04-31 00:00:00 +0000 UTC'],
    ['month 13', '2020-13-01 00:00:00 +0000 UTC'],
    ['hour 24', '2020-01-01 24:00:00 +0000 UTC'],
    ['minute 60', '2020-01-01 00:60:00 +0000 UTC'],
    ['second 60', '2020-01-01 00:00:60 +0000 UTC'],
    ['an offset of a day', '2020-01-01 00:00:00 +2400 XXX'],
    ["Go's zero time", '0001-01-01 00:00:00 +0000 UTC'],
    ['year 10000 by its offset', '9999-12-31 23:59:59 -0100 XXX'],
    ['ten fraction digits', '2020-01-01 00:00:00.1234567890 +0000 UTC'],
    ['text after it', '2020-01-01 00:00:00 +0000 UTC; DROP'],
  ])('does not read %s', (_name, text) => {
    expect(readTime(text)).toBeUndefined();
  });

  it('reads every time that Go writes, in whichever zone', () => {
    const times = fc.date({ min: new Date(86_400_000), max: new Date('9999-12-30'), noInvalidDate: true });

    fc.assert(
      fc.property(times, fc.integer({ min: -840, max: 840 }), (time, offset) => {
        const local = new Date(time.getTime() + offset * 60_000).toISOString();
        const size = Math.abs(offset);
        const zone = [Math.trunc(size / 60), size % 60].map((part) => String(part).padStart(2, '0')).join('');
        const text = `${local.slice(0, 10)} ${local.slice(11, 23)} ${offset < 0 ? '-' : '+'}${zone} XST`;

        expect(parseTime(text)).toBe(time.getTime());
      }),
    );
  });
});
