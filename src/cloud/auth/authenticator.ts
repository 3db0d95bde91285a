import type { CloudError, Headers } from '../errors.js';

/** The request that is to be authenticated; it has no body. */
export interface AuthRequest {
  readonly method: 'GET';
  readonly url: URL;
  readonly projectID: string;
  /** Base URL of the region's IAM, without a trailing slash. */
  readonly iam: string;
}

export type AuthHeaders =
  | {
      readonly ok: true;
      readonly headers: Headers;
      /** What an answer must not repeat. */
      readonly secrets: readonly string[];
      /** Reports that the cloud answered 401 to these headers; true when others may do better now. */
      readonly rejected: () => boolean;
    }
  | { readonly ok: false; readonly error: CloudError };

/** Makes a request one of somebody whom the cloud knows. Never throws. */
export interface Authenticator {
  /** The same for the same credential; reveals nothing of it. */
  readonly fingerprint: string;
  /** The cloud locks the access key after more than five failed signatures in a row. */
  readonly signs: boolean;
  /** The same for all credentials with that access key, be their secret keys right or wrong: it is locked for all. */
  readonly keyFingerprint?: string;
  /** The namespace whose credentials these are; left out: the operator's own. */
  readonly owner?: string;
  headers(request: AuthRequest, signal: AbortSignal): Promise<AuthHeaders>;
}
