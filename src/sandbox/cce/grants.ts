import type { Accounts } from './accounts.js';
import { hexDigits } from './random.js';
import type { Random } from './random.js';
import type { CloudTime } from './time.js';

export interface GrantedToken {
  readonly token: string;
  readonly projectID?: string | undefined;
  readonly issuedAt: number;
  /** Milliseconds since the epoch; Infinity for configured tokens. */
  readonly expiresAt: number;
}

export interface GrantedKey {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly securityToken?: string | undefined;
  readonly expiresAt: number;
}

/** The most issued tokens, and temporary keys, that are kept; the oldest are dropped, as if revoked. */
const MAX_ISSUED = 10_000;

/** The valid credentials: those of the accounts, and those that were issued and have not expired. */
export class Grants {
  readonly #tokens = new Map<string, GrantedToken>();
  readonly #keys = new Map<string, GrantedKey>();
  readonly #time: CloudTime;
  readonly #random: Random;
  readonly lifetimeMs: { token: number; key: number };

  constructor(
    accounts: Accounts,
    time: CloudTime,
    random: Random,
    lifetimeMs: { token: number; key: number },
  ) {
    this.#time = time;
    this.#random = random;
    this.lifetimeMs = lifetimeMs;
    for (const { token, projectID } of accounts.tokens) {
      this.#tokens.set(token, {
        token,
        projectID,
        issuedAt: time.wall(),
        expiresAt: Number.POSITIVE_INFINITY,
      });
    }
    for (const key of accounts.accessKeys) {
      this.#keys.set(key.accessKey, { ...key, expiresAt: Number.POSITIVE_INFINITY });
    }
  }

  issueToken(projectID: string | undefined): GrantedToken {
    const now = this.#time.wall();
    const granted = {
      token: `issued-${hexDigits(this.#random, 40)}`,
      projectID,
      issuedAt: now,
      expiresAt: now + this.lifetimeMs.token,
    };
    this.#tokens.set(granted.token, granted);
    dropOldestIssued(this.#tokens);
    return granted;
  }

  issueKey(): GrantedKey & { readonly securityToken: string } {
    const granted = {
      accessKey: `TEMP${hexDigits(this.#random, 16).toUpperCase()}`,
      secretKey: hexDigits(this.#random, 40),
      securityToken: `security-${hexDigits(this.#random, 40)}`,
      expiresAt: this.#time.wall() + this.lifetimeMs.key,
    };
    this.#keys.set(granted.accessKey, granted);
    dropOldestIssued(this.#keys);
    return granted;
  }

  token(token: string): GrantedToken | undefined {
    return this.#tokens.get(token);
  }

  key(accessKey: string): GrantedKey | undefined {
    return this.#keys.get(accessKey);
  }

  /** All issued secrets that are kept, for tests that search for leaks. */
  issuedSecrets(): string[] {
    return [...this.#tokens.values(), ...this.#keys.values()]
      .filter(({ expiresAt }) => Number.isFinite(expiresAt))
      .flatMap((grant) =>
        'token' in grant ? [grant.token] : [grant.secretKey, grant.accessKey, grant.securityToken ?? ''],
      );
  }

  /** Ends all issued tokens and temporary keys at once, as a changed password does; returns their number. */
  revokeIssued(): number {
    return endIssued(this.#tokens) + endIssued(this.#keys);
  }
}

function dropOldestIssued(granted: Map<string, { readonly expiresAt: number }>): void {
  if (granted.size <= MAX_ISSUED) return;
  const oldest = [...granted].find(([, { expiresAt }]) => Number.isFinite(expiresAt));
  if (oldest !== undefined) granted.delete(oldest[0]);
}

function endIssued<T extends { readonly expiresAt: number }>(granted: Map<string, T>): number {
  let ended = 0;
  for (const [id, grant] of granted) {
    if (!Number.isFinite(grant.expiresAt) || grant.expiresAt === 0) continue;
    granted.set(id, { ...grant, expiresAt: 0 });
    ended += 1;
  }
  return ended;
}
