import { DEFAULT_POLLING, pollAfterMs } from '../../src/reconcile/schedule.js';

/** In SVG units. */
const PLOT = { left: 56, top: 24, width: 600, height: 280 } as const;
/** Quiet time on a logarithmic axis, in seconds. */
const QUIET = { from: 1, to: 3600 } as const;
const LONGEST_WAIT = 70;
const QUIET_TICKS = [
  [1, '1 s'],
  [10, '10 s'],
  [60, '1 min'],
  [600, '10 min'],
  [1800, '30 min'],
  [3600, '1 h'],
] as const;
const FIXED = [5, 15, 20, 30];

/** The wait for the next look over the time in which nothing has changed, with its jitter, as an SVG. */
export function cadenceCurve(): string {
  const quiet = Array.from(
    { length: 121 },
    (_, step) => QUIET.from * (QUIET.to / QUIET.from) ** (step / 120),
  );
  const line = (random: number): string[] =>
    quiet.map(
      (seconds) =>
        `${x(seconds)},${y(pollAfterMs(seconds * 1000, undefined, DEFAULT_POLLING, random) / 1000)}`,
    );
  const { left, top, width, height } = PLOT;
  const bottom = top + height;
  const right = left + width;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${right + 56} ${bottom + 56}" font-family="sans-serif" font-size="12" fill="#444">`,
    '<title>Seconds until the next look at a job, over the time in which nothing has changed</title>',
    `<rect width="${right + 56}" height="${bottom + 56}" fill="#fff"/>`,
    ...[0, 10, 20, 30, 40, 50, 60, 70].map(
      (wait) =>
        `<path d="M${left} ${y(wait)}H${right}" stroke="#eee"/><text x="${left - 8}" y="${y(wait) + 4}" text-anchor="end">${wait}</text>`,
    ),
    ...QUIET_TICKS.map(
      ([seconds, words]) =>
        `<path d="M${x(seconds)} ${top}V${bottom}" stroke="#eee"/><text x="${x(seconds)}" y="${bottom + 18}" text-anchor="middle">${words}</text>`,
    ),
    ...FIXED.map(
      (wait) =>
        `<path d="M${left} ${y(wait)}H${right}" stroke="#999" stroke-dasharray="4 4"/><text x="${right + 6}" y="${y(wait) + 4}">${wait} s</text>`,
    ),
    `<polygon points="${[...line(0), ...line(1).toReversed()].join(' ')}" fill="#2563eb" fill-opacity="0.18"/>`,
    `<polyline points="${line(0.5).join(' ')}" fill="none" stroke="#2563eb" stroke-width="2"/>`,
    `<text x="${left}" y="${top - 8}">seconds until the next look (dashed: fixed intervals)</text>`,
    `<text x="${left + width / 2}" y="${bottom + 42}" text-anchor="middle">time in which nothing has changed</text>`,
    '</svg>',
    '',
  ].join('\n');
}

function x(quietSeconds: number): number {
  const share = Math.log(quietSeconds / QUIET.from) / Math.log(QUIET.to / QUIET.from);
  return round(PLOT.left + share * PLOT.width);
}

function y(waitSeconds: number): number {
  return round(PLOT.top + PLOT.height * (1 - waitSeconds / LONGEST_WAIT));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
