const DATE = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;
const DATE_TIME =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const DURATION = /^[+-]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h|d|w) ?)+$|^0$/;
const EMAIL = /^[^@\s]+@[^@\s]+$/;
const IPV4 = /^((25[0-5]|2[0-4]\d|1?\d?\d)(\.|$)){4}$/;

/** The string formats that are checked; others are ignored, as on a real API server. */
const STRING_FORMATS: Readonly<Record<string, (value: string) => boolean>> = {
  date: (value) => DATE.test(value),
  'date-time': (value) => DATE_TIME.test(value) && !Number.isNaN(Date.parse(value.toUpperCase())),
  uuid: (value) => UUID.test(value),
  duration: (value) => DURATION.test(value),
  email: (value) => EMAIL.test(value),
  ipv4: (value) => IPV4.test(value),
  uri: (value) => URL.canParse(value),
  byte: isBase64,
};

export function hasStringFormat(value: string, format: string): boolean {
  return STRING_FORMATS[format]?.(value) ?? true;
}

/** Whether it is base64 for Go's standard encoding: padded, line breaks allowed. */
export function isBase64(value: string): boolean {
  const text = value.replace(/[\r\n]/g, '');
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}
