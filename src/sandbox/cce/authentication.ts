import { KEY_LOCKED, TOKEN_EXPIRED, badCredentials } from './answer.js';
import type { Answer } from './answer.js';
import type { Grants } from './grants.js';
import type { CloudTime } from './time.js';
import { readSignatureClaim, signatureTime, verifySignature } from './verifySignature.js';
import type { SignatureClaim, SignedRequest } from './verifySignature.js';

/** The largest difference between a signature's time and the cloud's, in both directions. */
const SIGNATURE_WINDOW_MS = 15 * 60_000;
/** More consecutive failures than this lock an access key … */
const FAILURES_BEFORE_LOCK = 5;
/** … for this long. */
const LOCK_MS = 5 * 60_000;

export type Authentication =
  | {
      readonly result: 'accepted';
      /** Undefined: good for every project. */ readonly projectID?: string | undefined;
    }
  | { readonly result: 'refused'; readonly answer: Answer };

interface KeyFailures {
  readonly count: number;
  readonly lockedUntil: number;
}

/** Checks credentials, with the gateway's own messages, and locks access keys as the gateway does. */
export class Authenticator {
  readonly #grants: Grants;
  readonly #time: CloudTime;
  /** By access key; only of keys that exist, so it is as bounded as they are. */
  readonly #failures = new Map<string, KeyFailures>();

  constructor(grants: Grants, time: CloudTime) {
    this.#grants = grants;
    this.#time = time;
  }

  check(request: SignedRequest): Authentication {
    const authorization = singleHeader(request, 'authorization');
    const claim = authorization === undefined ? undefined : readSignatureClaim(authorization);
    if (claim !== undefined) return this.#checkSignature(request, claim);
    const token = singleHeader(request, 'x-auth-token') ?? /^Bearer (\S+)$/.exec(authorization ?? '')?.[1];
    if (token !== undefined) return this.#checkToken(token);
    return refused(badCredentials('Get secretKey or x-auth-token failed'));
  }

  #checkToken(token: string): Authentication {
    const granted = this.#grants.token(token);
    if (granted === undefined) return refused(badCredentials('decrypt token fail'));
    if (granted.expiresAt <= this.#time.wall()) return refused(TOKEN_EXPIRED);
    return { result: 'accepted', projectID: granted.projectID };
  }

  #checkSignature(request: SignedRequest, claim: SignatureClaim): Authentication {
    const key = this.#grants.key(claim.accessKey);
    if (key === undefined) return refused(badCredentials('Get secretKey failed,ak not exist'));
    const failures = this.#failures.get(key.accessKey) ?? { count: 0, lockedUntil: 0 };
    if (failures.lockedUntil > this.#time.wall()) return refused(KEY_LOCKED);
    const problem = this.#signatureProblem(request, claim, key);
    if (problem === undefined) {
      this.#failures.delete(key.accessKey);
      return { result: 'accepted' };
    }
    // After a lock has expired, the count starts again.
    const count = failures.lockedUntil > 0 ? 1 : failures.count + 1;
    const lockedUntil = count > FAILURES_BEFORE_LOCK ? this.#time.wall() + LOCK_MS : 0;
    this.#failures.set(key.accessKey, { count, lockedUntil });
    return refused(badCredentials(problem));
  }

  #signatureProblem(
    request: SignedRequest,
    claim: SignatureClaim,
    key: {
      readonly secretKey: string;
      readonly securityToken?: string | undefined;
      readonly expiresAt: number;
    },
  ): string | undefined {
    const now = this.#time.wall();
    const date = singleHeader(request, 'x-sdk-date') ?? '';
    const signedAt = signatureTime(date);
    if (Number.isNaN(signedAt)) return 'calc aksk signature fail:invalid x-sdk-date';
    if (Math.abs(now - signedAt) > SIGNATURE_WINDOW_MS) {
      const serverTime = `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
      return `calc aksk signature fail:signature expired, signature time:${date},server time:${serverTime}`;
    }
    if (key.expiresAt <= now) return 'the securityToken has expired';
    if (singleHeader(request, 'x-security-token') !== key.securityToken) return 'decrypt securityToken fail';
    const verdict = verifySignature(request, claim, key.secretKey);
    if (verdict.result === 'valid') return undefined;
    if (verdict.result === 'unusable') return `verify aksk signature fail, ${verdict.problem}`;
    return `verify aksk signature fail, canonicalRequest:${verdict.canonicalRequest.replaceAll('\n', '|')}`;
  }
}

function refused(answer: Answer): Authentication {
  return { result: 'refused', answer };
}

function singleHeader({ headers }: SignedRequest, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}
