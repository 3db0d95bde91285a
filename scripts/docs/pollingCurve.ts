import { DEFAULT_POLLING, pollAfterMs } from '../../src/reconcile/schedule.js';

/** In SVG units. */
const PLOT = { left: 56, top: 24, width: 600, height: 280 } as const;
/** The time without a change, on a logarithmic axis, in seconds. */
const UNCHANGED = { from: 1, to: 3600 } as const;
const LONGEST_INTERVAL = 70;
const UNCHANGED_TICKS = [
  [1, '1 s'],
  [10, '10 s'],
  [60, '1 min'],
  [600, '10 min'],
  [1800, '30 min'],
  [3600, '1 h'],
] as const;
const FIXED = [5, 15, 20, 30];

/** The interval until the next poll over the time for which the job is unchanged, with its jitter, as an SVG. */
export function pollingCurve(): string {
  const unchanged = Array.from(
    { length: 121 },
    (_, step) => UNCHANGED.from * (UNCHANGED.to / UNCHANGED.from) ** (step / 120),
  );
  const line = (random: number): string[] =>
    unchanged.map(
      (seconds) =>
        `${x(seconds)},${y(pollAfterMs(seconds * 1000, undefined, DEFAULT_POLLING, random) / 1000)}`,
    );
  const { left, top, width, height } = PLOT;
  const bottom = top + height;
  const right = left + width;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${right + 56} ${bottom + 56}" font-family="sans-serif" font-size="12" fill="#444">`,
    '<title>Seconds until the next poll of a job, over the time for which it is unchanged</title>',
    `<rect width="${right + 56}" height="${bottom + 56}" fill="#fff"/>`,
    ...[0, 10, 20, 30, 40, 50, 60, 70].map(
      (interval) =>
        `<path d="M${left} ${y(interval)}H${right}" stroke="#eee"/><text x="${left - 8}" y="${y(interval) + 4}" text-anchor="end">${interval}</text>`,
    ),
    ...UNCHANGED_TICKS.map(
      ([seconds, words]) =>
        `<path d="M${x(seconds)} ${top}V${bottom}" stroke="#eee"/><text x="${x(seconds)}" y="${bottom + 18}" text-anchor="middle">${words}</text>`,
    ),
    ...FIXED.map(
      (interval) =>
        `<path d="M${left} ${y(interval)}H${right}" stroke="#999" stroke-dasharray="4 4"/><text x="${right + 6}" y="${y(interval) + 4}">${interval} s</text>`,
    ),
    `<polygon points="${[...line(0), ...line(1).toReversed()].join(' ')}" fill="#2563eb" fill-opacity="0.18"/>`,
    `<polyline points="${line(0.5).join(' ')}" fill="none" stroke="#2563eb" stroke-width="2"/>`,
    `<text x="${left}" y="${top - 8}">seconds until the next poll (dashed: fixed intervals)</text>`,
    `<text x="${left + width / 2}" y="${bottom + 42}" text-anchor="middle">time for which the job is unchanged</text>`,
    '</svg>',
    '',
  ].join('\n');
}

function x(unchangedSeconds: number): number {
  const share = Math.log(unchangedSeconds / UNCHANGED.from) / Math.log(UNCHANGED.to / UNCHANGED.from);
  return round(PLOT.left + share * PLOT.width);
}

function y(intervalSeconds: number): number {
  return round(PLOT.top + PLOT.height * (1 - intervalSeconds / LONGEST_INTERVAL));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
