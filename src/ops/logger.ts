import { createLogger, format, transports } from 'winston';
import { nothing } from '../signals.js';
import type { Logger } from './log.js';

/** The four levels of a `Logger`, most severe first; winston's own levels are others. */
const LEVELS = { error: 0, warn: 1, info: 2, debug: 3 };

/**
 * A logger on standard error: one JSON object per line (`time`, `level`, `message`, then the fields), or the same in a form
 * for people.
 */
export function createWinstonLogger(options: {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly format: 'json' | 'pretty';
}): Logger {
  const time = format.timestamp({ alias: 'time' });
  const pretty = format.printf(({ time: at, timestamp: _, level, message, ...fields }) =>
    [String(at), level.toUpperCase().padEnd(5), String(message), ...Object.entries(fields).map(pair)].join(
      ' ',
    ),
  );
  const json = format.printf(({ time: at, timestamp: _, level, message, ...fields }) =>
    JSON.stringify({ time: at, level, message, ...fields }),
  );
  // No reader is left (EPIPE), or the disk is full: the work goes on.
  process.stderr.on('error', nothing);
  return createLogger({
    levels: LEVELS,
    level: options.level,
    format: format.combine(time, options.format === 'pretty' ? pretty : json),
    transports: [new transports.Console({ stderrLevels: Object.keys(LEVELS) })],
    exitOnError: false,
  });
}

/** Quotes a text that has spaces, quotes or line breaks. */
function pair([key, value]: [string, unknown]): string {
  const isPlain = typeof value === 'string' && !/[\s"\p{Cc}]/u.test(value);
  return `${key}=${isPlain ? value : JSON.stringify(value)}`;
}
