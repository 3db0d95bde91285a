import { lastValue, UsageError, type Given } from '../commandLine.js';

/** The name of a Kubernetes object in a path. */
const OBJECT_NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** Reads the name of an object. @throws UsageError */
export function objectName(given: Given): string | undefined {
  const name = lastValue(given);
  if (name === undefined || OBJECT_NAME.test(name)) return name;
  throw new UsageError(
    `${given.key}: "${name}" is not a name; allowed: a-z 0-9 - and ., a letter or digit first and last`,
  );
}

/** Reads a selector, which the API server checks. An empty one would mean all. @throws UsageError */
export function labelSelector(given: Given): string | undefined {
  const text = lastValue(given);
  if (text?.trim() !== '') return text;
  throw new UsageError(`${given.key}: is empty; write labels, for example team=a`);
}

/** The longest delay of Node's timers. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Reads a time: seconds, or a duration as in kubectl; in milliseconds. @throws UsageError */
export function durationMs(given: Given): number | undefined {
  const text = lastValue(given);
  if (text === undefined) return undefined;
  const match = /^(?:(\d+)|(?=.)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?)$/.exec(text);
  const [, plain = '0', hours = '0', minutes = '0', seconds = '0'] = match ?? [];
  const ms = (Number(plain) + Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  if (match !== null && ms > 0 && ms <= MAX_TIMEOUT_MS) return ms;
  throw new UsageError(
    `${given.key}: "${text}" is not allowed; allowed: seconds, or a time such as 90s, 20m or 1h30m, up to 596h`,
  );
}
