/** The fields of a log line. Never a secret, never a foreign error object. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Structured logging, passed in: messages are constant strings, variable parts go into the fields. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}
