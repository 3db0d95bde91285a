const SECRET_NAME = /token|secret|passw|key|credential/i;
/** What follows such a name, as in `password=…` or `"token": "…"`, and after `Bearer`. */
const NAMED =
  /((?:token|secret|passw(?:or)?d|key|credentials?)["']?\s*[:=]\s*["']?|\b(?:bearer|basic)\s+)[^\s"']+/gi;
/** What may be a token, key or signature: long, in base64 characters, and with a digit. */
const LONG = /[A-Za-z0-9+/_=-]{20,}/g;
/** A shorter value may be an ordinary word. */
const MIN_VALUE = 4;
const MAX_READ = 8192;
const HIDDEN = '[hidden]';

/** The last 8 kB of a program's output without possible secrets; in doubt, a word is removed. */
export function withoutSecrets(text: string, env: Readonly<Record<string, string | undefined>>): string {
  let rest = text.slice(-MAX_READ);
  for (const [name, value = ''] of Object.entries(env)) {
    if (value.length >= MIN_VALUE && SECRET_NAME.test(name)) rest = rest.replaceAll(value, HIDDEN);
  }
  return rest.replace(NAMED, `$1${HIDDEN}`).replace(LONG, (word) => (/\d/.test(word) ? HIDDEN : word));
}
