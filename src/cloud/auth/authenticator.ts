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
      /** Texts that are removed from answers. */
      readonly secrets: readonly string[];
      /** Reports that the cloud answered 401 to these headers; true if new headers may work now. */
      readonly rejected: () => boolean;
    }
  | { readonly ok: false; readonly error: CloudError };

/** Adds credentials to requests. Never throws. */
export interface Authenticator {
  /** Equal for the same credential; reveals nothing of it. */
  readonly fingerprint: string;
  /** The cloud locks the access key after more than five failed signatures in a row. */
  readonly signs: boolean;
  /** Equal for all credentials with that access key, with right or wrong secret keys: a lock is for all of them. */
  readonly keyFingerprint?: string;
  /** The namespace whose credentials these are; left out: the operator's own. */
  readonly owner?: string;
  headers(request: AuthRequest, signal: AbortSignal): Promise<AuthHeaders>;
}
