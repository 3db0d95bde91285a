import { execFile, type ExecFileException } from 'node:child_process';
import * as z from 'zod';
import type { Clock } from '../../clock.js';
import { parseJSON } from '../../json.js';
import { cleanText } from '../../text.js';
import { KubeconfigError, type Credentials } from './access.js';
import type { Cluster, ExecPluginSpec } from './kubeconfigFile.js';
import { withoutSecrets } from './withoutSecrets.js';

/** A plugin that has not ended after this time (milliseconds) is killed. */
const DEADLINE_MS = 60_000;
/** Credentials are used for up to this time (milliseconds), so they must be valid for longer. */
const IN_USE_MS = 10_000;
/** The most that a plugin may print, in bytes. */
const MAX_OUTPUT = 1 << 20;
/** The longest part of its stderr that is shown, in UTF-16 code units. */
const MAX_WORDS = 512;
/** The extension of a cluster with the configuration for plugins. */
const EXTENSION = 'client.authentication.k8s.io/exec';

const credentialSchema = z.object({
  kind: z.literal('ExecCredential'),
  apiVersion: z.string(),
  status: z.object({
    token: z.string().optional(),
    clientCertificateData: z.string().optional(),
    clientKeyData: z.string().optional(),
    expirationTimestamp: z.iso.datetime({ offset: true }).nullish(),
  }),
});
type Issued = z.output<typeof credentialSchema>['status'];

/** A plugin's credential, as it is added to a request. */
export interface ExecCredentials {
  readonly headers: Credentials['headers'];
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
}

/** A program that a kubeconfig names for its credentials (client-go's exec plugins). */
export class ExecPlugin {
  #issued: Issued | undefined;

  constructor(
    private readonly exec: ExecPluginSpec,
    private readonly cluster: Cluster,
    private readonly ca: Buffer | undefined,
    private readonly clock: Clock,
  ) {}

  /**
   * The plugin's credential until it expires; without an expiry for ever, as in client-go. After a 401 the kubeconfig is
   * read again, and the plugin runs again.
   *
   * @throws KubeconfigError with what the plugin wrote to its stderr
   */
  async credentials(): Promise<ExecCredentials> {
    const expires = this.#issued?.expirationTimestamp;
    if (this.#issued === undefined || (expires && Date.parse(expires) <= this.clock.now() + IN_USE_MS)) {
      this.#issued = await this.#run();
    }
    const { token, clientCertificateData: cert, clientKeyData: key } = this.#issued;
    return {
      headers: token ? { Authorization: `Bearer ${token.trim()}` } : {},
      ...(cert && key && { tls: { cert: Buffer.from(cert), key: Buffer.from(key) } }),
    };
  }

  async #run(): Promise<Issued> {
    const { command, args, installHint, apiVersion, interactiveMode } = this.exec;
    if (interactiveMode === 'Always')
      throw this.#error(
        'needs a terminal (interactiveMode: Always); log in beforehand, and use another user of the kubeconfig here',
      );
    const env: NodeJS.ProcessEnv = { ...process.env };
    for (const { name, value } of this.exec.env) env[name] = value;
    env['KUBERNETES_EXEC_INFO'] = JSON.stringify({ kind: 'ExecCredential', apiVersion, spec: this.#spec() });
    const { error, stdout, stderr } = await run(command, args, env);
    if (error !== null) {
      const words = cleanText(withoutSecrets(stderr, env), MAX_WORDS);
      const hint = error.code === 'ENOENT' ? cleanText(installHint, MAX_WORDS) : '';
      throw this.#error([`failed (${howItEnded(error)})`, words, hint].filter(Boolean).join(': '));
    }
    const { data } = credentialSchema.safeParse(parseJSON(stdout));
    if (data === undefined || data.apiVersion !== apiVersion) {
      throw this.#error(`printed no ExecCredential of ${apiVersion} with a status`);
    }
    const { token, clientCertificateData: cert, clientKeyData: key } = data.status;
    if (!(token || cert) || Boolean(cert) !== Boolean(key)) {
      throw this.#error('gave neither a token nor a certificate with its key');
    }
    return data.status;
  }

  #spec(): object {
    if (!this.exec.provideClusterInfo) return { interactive: false };
    const { cluster, ca } = this;
    const config = cluster.extensions.find(({ name }) => name === EXTENSION)?.extension;
    return {
      cluster: {
        server: cluster.server,
        'tls-server-name': cluster['tls-server-name'] || undefined,
        'insecure-skip-tls-verify': cluster['insecure-skip-tls-verify'] || undefined,
        'certificate-authority-data': ca?.toString('base64'),
        'proxy-url': cluster['proxy-url'] || undefined,
        'disable-compression': cluster['disable-compression'] || undefined,
        config: config ?? null,
      },
      interactive: false,
    };
  }

  #error(what: string): KubeconfigError {
    return new KubeconfigError(`its exec plugin "${this.exec.command}" ${what}`);
  }
}

interface Outcome {
  readonly error: ExecFileException | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
  const limits = { timeout: DEADLINE_MS, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT } as const;
  return new Promise((resolve) => {
    const child = execFile(command, args, { env, ...limits }, (error, stdout, stderr) => {
      resolve({ error, stdout, stderr });
    });
    // A plugin that reads its input must find its end, not wait for a person.
    child.stdin?.end();
  });
}

function howItEnded({ code, signal }: ExecFileException): string {
  if (signal) return `${signal}, after ${DEADLINE_MS / 1000} s at the latest`;
  return typeof code === 'number' ? `exit code ${code}` : String(code);
}
