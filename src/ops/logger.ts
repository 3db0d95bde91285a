import { createLogger, format, transports } from 'winston';
import { nothing } from '../signals.js';
import type { Logger } from './log.js';

/** Numbers of `syslog` do not fit: the four levels that a `Logger` has, most severe first. */
const LEVELS = { error: 0, warn: 1, info: 2, debug: 3 };

/**
 * A logger on standard error: one JSON object a line (`time`, `level`, `message`, then the fields), or the same for
 * people.
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
  // Nobody reads it any more (EPIPE), or the disk is full: that ends no work.
  process.stderr.on('error', nothing);
  return createLogger({
    levels: LEVELS,
    level: options.level,
    format: format.combine(time, options.format === 'pretty' ? pretty : json),
    transports: [new transports.Console({ stderrLevels: Object.keys(LEVELS) })],
    exitOnError: false,
  });
}

/** A text that would run into its neighbours, or over the end of the line, is quoted. */
function pair([key, value]: [string, unknown]): string {
  const isPlain = typeof value === 'string' && !/[\s"\p{Cc}]/u.test(value);
  return `${key}=${isPlain ? value : JSON.stringify(value)}`;
}
