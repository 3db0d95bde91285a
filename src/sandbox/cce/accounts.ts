/** The accounts of the simulated cloud. All values are invented and work nowhere else. */
export interface Accounts {
  /** Project IDs that exist, by name. Names are usually regions. */
  readonly projects: Readonly<Record<string, string>>;
  /** Tokens that never expire; without `projectID` they are valid for every project. */
  readonly tokens: readonly { readonly token: string; readonly projectID?: string }[];
  readonly accessKeys: readonly {
    readonly accessKey: string;
    readonly secretKey: string;
    /** For temporary keys: the required X-Security-Token. */
    readonly securityToken?: string;
  }[];
  readonly users: readonly {
    readonly username: string;
    readonly password: string;
    readonly domainName: string;
  }[];
  /** Identity tokens that OIDC federation accepts, with the provider they belong to (`X-Idp-Id`). */
  readonly identityTokens: readonly { readonly idp: string; readonly token: string }[];
  /** Contents of the token file that the Pod Identity endpoint accepts. */
  readonly podIdentityTokens: readonly string[];
}

export const SANDBOX_PROJECT_ID = '6ad7c1ba34f94ed78e0a8a2d1ab7c111';

/** The default accounts of a simulated cloud. */
export const SANDBOX_ACCOUNTS: Accounts = {
  projects: { lab: SANDBOX_PROJECT_ID },
  tokens: [{ token: 'sandbox-token' }],
  accessKeys: [{ accessKey: 'SANDBOXACCESSKEY', secretKey: 'sandbox-secret-key' }],
  users: [{ username: 'sandbox', password: 'sandbox-password', domainName: 'sandbox-domain' }],
  identityTokens: [{ idp: 'sandbox-idp', token: 'sandbox-identity-token' }],
  podIdentityTokens: ['sandbox-pod-token'],
};
