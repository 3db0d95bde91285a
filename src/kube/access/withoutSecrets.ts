const SECRET_NAME = /token|secret|passw|key|credential/i;
/** What follows such a name, as in `password=…` or `"token": "…"`, and after `Bearer`. */
const NAMED =
  /((?:token|secret|passw(?:or)?d|key|credentials?)["']?\s*[:=]\s*["']?|\b(?:bearer|basic)\s+)[^\s"']+/gi;
/** Tokens, keys and signatures by their looks: long, of the characters of base64, and with a digit. */
const LONG = /[A-Za-z0-9+/_=-]{20,}/g;
/** A shorter value may be a word that means something else. */
const MIN_VALUE = 4;
const MAX_READ = 8192;
const HIDDEN = '[hidden]';

/** What a program has written (its last 8 kB), without what may be a secret in it: rather too little than too much. */
export function withoutSecrets(text: string, env: Readonly<Record<string, string | undefined>>): string {
  let rest = text.slice(-MAX_READ);
  for (const [name, value = ''] of Object.entries(env)) {
    if (value.length >= MIN_VALUE && SECRET_NAME.test(name)) rest = rest.replaceAll(value, HIDDEN);
  }
  return rest.replace(NAMED, `$1${HIDDEN}`).replace(LONG, (word) => (/\d/.test(word) ? HIDDEN : word));
}
