import type { Clock } from '../../clock.js';
import type { Credentials } from '../credentials.js';
import type { Http } from '../http.js';
import type { SecretText } from '../secretText.js';
import type { Authenticator } from './authenticator.js';
import { IAMTokens } from './iamTokens.js';
import { Logins } from './logins.js';
import { passwordAuthenticator } from './password.js';
import { Renewals } from './renewals.js';
import { signatureAuthenticator } from './signature.js';
import { tokenAuthenticator } from './token.js';
import { workloadAuthenticator, type WorkloadCredentialsOptions } from './workload.js';

/** Makes authenticators, one for each credential; those with the same password share one token. */
export class Authenticators {
  /** All CloudJobs that name a Secret share one. */
  readonly #made = new WeakMap<Credentials, Authenticator>();
  readonly #http: Http;
  readonly #clock: Clock;
  readonly #iamTokens: IAMTokens;
  readonly #logins: Logins;
  readonly #passwordTokens: Renewals<SecretText>;

  constructor(http: Http, clock: Clock, random: () => number = Math.random) {
    this.#http = http;
    this.#clock = clock;
    this.#iamTokens = new IAMTokens(http, clock, random);
    this.#logins = new Logins(clock, random);
    // `Logins` decides when a wrong password is tried again.
    this.#passwordTokens = new Renewals(clock, 0);
  }

  /** @param owner the namespace whose Secret holds them */
  of(credentials: Credentials, owner: string): Authenticator {
    const made = this.#made.get(credentials) ?? { ...this.#make(credentials, owner), owner };
    this.#made.set(credentials, made);
    return made;
  }

  /** The operator's own; made once and kept. */
  ofWorkload(options: WorkloadCredentialsOptions): Authenticator {
    return workloadAuthenticator(options, this.#http, this.#clock, this.#iamTokens);
  }

  #make(credentials: Credentials, owner: string): Authenticator {
    switch (credentials.kind) {
      case 'token':
        return tokenAuthenticator(credentials);
      case 'accessKey':
        return signatureAuthenticator(credentials, this.#clock);
      case 'password':
        return passwordAuthenticator(credentials, this.#iamTokens, this.#passwordTokens, this.#logins, owner);
    }
  }
}
