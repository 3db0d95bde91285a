import * as z from 'zod';
import type { Accounts } from './accounts.js';
import { NO_SUCH_API, iamError } from './answer.js';
import type { Answer } from './answer.js';
import type { GrantedToken, Grants } from './grants.js';
import { hexDigits } from './random.js';
import type { Random } from './random.js';
import type { SignedRequest } from './verifySignature.js';

/** The behaviour of the simulated metadata service of a virtual machine. */
export interface MetadataOptions {
  /** Whether keys require a session token; false: there are no session tokens (404), as on older machines. */
  readonly sessionTokens: boolean;
  /** Whether the machine has an agency. */
  readonly agency: boolean;
}

const scopeSchema = z
  .object({ project: z.object({ id: z.string().optional(), name: z.string().optional() }) })
  .optional();

const passwordSchema = z.object({
  auth: z.object({
    identity: z.object({
      methods: z.array(z.string()),
      password: z.object({
        user: z.object({
          name: z.string(),
          password: z.string(),
          domain: z.object({ name: z.string() }),
        }),
      }),
    }),
    scope: scopeSchema,
  }),
});

const identityTokenSchema = z.object({
  auth: z.object({ id_token: z.object({ id: z.string() }), scope: scopeSchema }),
});

const MAX_SESSIONS = 1000;

/** The services that issue credentials: IAM, a machine's metadata service, and CCE Pod Identity. */
export class Iam {
  readonly #accounts: Accounts;
  readonly #grants: Grants;
  readonly #random: Random;
  readonly #sessions = new Set<string>();
  metadata: MetadataOptions;

  constructor(accounts: Accounts, grants: Grants, random: Random, metadata: MetadataOptions) {
    this.#accounts = accounts;
    this.#grants = grants;
    this.#random = random;
    this.metadata = metadata;
  }

  /** The answer to a path of its own; undefined for any other path. */
  answer(path: string, request: SignedRequest): Answer | undefined {
    const { method } = request;
    switch (path) {
      case '/v3/auth/tokens':
        return method === 'POST' ? this.#password(request) : NO_SUCH_API;
      case '/v3.0/OS-AUTH/id-token/tokens':
        return method === 'POST' ? this.#identityToken(request) : NO_SUCH_API;
      case '/meta-data/latest/api/token':
        return method === 'PUT' ? this.#session(request) : { status: 405, body: '405 Method Not Allowed' };
      case '/openstack/latest/securitykey':
        return method === 'GET'
          ? this.#securityKey(request)
          : { status: 405, body: '405 Method Not Allowed' };
      case '/pod-identity/credentials':
        return method === 'POST' ? this.#podIdentity(request) : NO_SUCH_API;
      default:
        return undefined;
    }
  }

  #password(request: SignedRequest): Answer {
    const body = passwordSchema.safeParse(readJson(request));
    if (!body.success) return iamError(400, 'Bad Request', 'The request body is invalid');
    const { user } = body.data.auth.identity.password;
    const known = this.#accounts.users.some(
      ({ username, password, domainName }) =>
        username === user.name && password === user.password && domainName === user.domain.name,
    );
    if (!known) return iamError(401, 'Unauthorized', 'The username or password is wrong.');
    return this.#issue(['password'], body.data.auth.scope);
  }

  #identityToken(request: SignedRequest): Answer {
    const body = identityTokenSchema.safeParse(readJson(request));
    if (!body.success) return iamError(400, 'Bad Request', 'The request body is invalid');
    const known = this.#accounts.identityTokens.some(
      ({ idp, token }) => idp === request.headers['x-idp-id'] && token === body.data.auth.id_token.id,
    );
    if (!known)
      return iamError(401, 'Unauthorized', 'The id token is invalid or its identity provider unknown.');
    return this.#issue(['mapped'], body.data.auth.scope);
  }

  #issue(methods: readonly string[], scope: z.output<typeof scopeSchema>): Answer {
    if (scope === undefined) return tokenAnswer(methods, this.#grants.issueToken(''), undefined);
    const project = Object.entries(this.#accounts.projects).find(
      ([name, id]) =>
        id === scope.project.id || (scope.project.id === undefined && name === scope.project.name),
    );
    if (project === undefined)
      return iamError(401, 'Unauthorized', 'The project does not exist or is not yours.');
    const [name, id] = project;
    return tokenAnswer(methods, this.#grants.issueToken(id), { id, name });
  }

  #session(request: SignedRequest): Answer {
    if (!this.metadata.sessionTokens) return { status: 404, body: '404 Not Found' };
    const seconds = Number(request.headers['x-metadata-token-ttl-seconds']);
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > 21_600) {
      return { status: 400, body: '400 Bad Request' };
    }
    if (this.#sessions.size >= MAX_SESSIONS) this.#sessions.clear();
    const session = hexDigits(this.#random, 48);
    this.#sessions.add(session);
    return { status: 200, headers: { 'content-type': 'text/plain' }, body: session };
  }

  #securityKey(request: SignedRequest): Answer {
    const session = request.headers['x-metadata-token'];
    if (this.metadata.sessionTokens && (typeof session !== 'string' || !this.#sessions.has(session))) {
      return { status: 401, body: '401 Unauthorized' };
    }
    if (!this.metadata.agency) return { status: 401, body: 'Please configure Cloud Service Agency first' };
    const key = this.#grants.issueKey();
    return {
      status: 200,
      body: {
        credential: {
          access: key.accessKey,
          secret: key.secretKey,
          securitytoken: key.securityToken,
          expires_at: microseconds(key.expiresAt),
        },
      },
    };
  }

  #podIdentity(request: SignedRequest): Answer {
    if (!this.#accounts.podIdentityTokens.some((token) => token === request.headers.authorization)) {
      return iamError(401, 'Unauthorized', 'The service account token is not valid.');
    }
    const key = this.#grants.issueKey();
    return {
      status: 200,
      body: {
        credentials: {
          accessKeyId: key.accessKey,
          secretAccessKey: key.secretKey,
          securityToken: key.securityToken,
          expiration: microseconds(key.expiresAt),
        },
        subject: { namespace: 'cloudjob-system', serviceAccount: 'cloudjob-operator' },
      },
    };
  }
}

function tokenAnswer(
  methods: readonly string[],
  granted: GrantedToken,
  project: { readonly id: string; readonly name: string } | undefined,
): Answer {
  return {
    status: 201,
    headers: { 'X-Subject-Token': granted.token },
    body: {
      token: {
        methods,
        issued_at: microseconds(granted.issuedAt),
        expires_at: microseconds(granted.expiresAt),
        ...(project === undefined ? {} : { project }),
      },
    },
  };
}

/** `2020-01-04T09:05:22.701000Z`: IAM's six fraction digits. */
function microseconds(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}

function readJson({ body }: SignedRequest): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString());
  } catch {
    return undefined;
  }
}
