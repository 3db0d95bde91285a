import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** What the cloud does when a job is read. */
export interface Answer {
  /** HTTP status; 200 when left out. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  /** `hang`: takes the request and never answers. `reset`: ends the connection without an answer. */
  readonly instead?: 'hang' | 'reset';
  /** The bytes of the whole answer, its head and all, in place of all else; the connection ends after them. */
  readonly raw?: Buffer;
}

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export const PROJECT = '6ad7c1ba34f94ed78e0a8a2d1ab7c111';
/** Every good token begins with it; never to be seen in a log or a status. */
export const TOKEN_MARK = 'canary-token-that-must-not-be-shown';

const UNKNOWN_JOB: Answer = {
  status: 404,
  body: {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    code: 404,
    errorCode: 'CCE.01404001',
    errorMessage: 'Resource not found.',
    error_code: 'CCE_CM.0003',
    error_msg: 'Resource not found',
    message: 'the job does not exist',
    reason: 'NotFound',
  },
};
const UNKNOWN_API: Answer = {
  status: 404,
  body: {
    error_msg: 'The API does not exist or has not been published in the environment',
    error_code: 'APIGW.0101',
    request_id: '0a1b2c3d',
  },
};
const WRONG_TOKEN: Answer = {
  status: 401,
  body: {
    error_msg: 'Incorrect IAM authentication information: verify token failed',
    error_code: 'APIGW.0301',
    request_id: '4e5f6a7b',
  },
};

/**
 * The job API as the tests tell it to answer, one script for each job ID, over real HTTP. It shares no code with the
 * sandbox's simulated cloud, so that the judge of the operator is not the project's own idea of it.
 */
export class ScriptedCloud {
  /** Called for each request about a job before it is answered; false: it never is. */
  deliver: (request: RecordedRequest) => boolean = () => true;
  readonly #answers = new Map<string, Answer>();
  readonly #held = new Map<string, ServerResponse[]>();
  readonly #requests = new Map<string, RecordedRequest[]>();
  readonly #strays: RecordedRequest[] = [];
  #list: (() => Answer) | undefined;
  #lists = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((request, response) => {
    void this.#handle(request, response);
  });

  static async start(): Promise<ScriptedCloud> {
    const cloud = new ScriptedCloud();
    cloud.#server.on('connection', (socket) => {
      cloud.#sockets.add(socket);
      socket.on('close', () => cloud.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => {
      cloud.#server.listen(0, '127.0.0.1', resolve);
    });
    return cloud;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on this is the answer about that job. */
  answer(jobID: string, answer: Answer): void {
    this.#answers.set(jobID, answer);
  }

  /** From now on the cloud has the list of newer versions, with this answer at each time. Without it there is none. */
  answerList(list: () => Answer): void {
    this.#list = list;
  }

  /** Requests for the list so far, whether there is one or not. */
  get lists(): number {
    return this.#lists;
  }

  /** From now on the cloud does not know that job. */
  forget(jobID: string): void {
    this.#answers.delete(jobID);
  }

  /** Lets everybody who asks about the job wait from now on; `release` says to them, and from now on, what it is given. */
  hold(jobID: string): { readonly waiting: number; release(answer: Answer): void } {
    const waiting: ServerResponse[] = [];
    this.#held.set(jobID, waiting);
    return {
      get waiting() {
        return waiting.length;
      },
      release: (answer) => {
        this.#held.delete(jobID);
        this.answer(jobID, answer);
        for (const response of waiting) send(response, answer);
      },
    };
  }

  /** The requests about that job so far, oldest first. */
  requests(jobID: string): readonly RecordedRequest[] {
    return this.#requests.get(jobID) ?? [];
  }

  /** Requests that were not for the job API. */
  get strays(): readonly RecordedRequest[] {
    return this.#strays;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => {
      this.#server.close(resolve);
    });
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const recorded = await record(request);
    if (recorded.method === 'GET' && /^\/api\/v2\/projects\/[^/]+\/jobs$/.test(recorded.path)) {
      this.#lists += 1;
      send(
        response,
        this.#list === undefined ? UNKNOWN_API : isTrusted(recorded) ? this.#list() : WRONG_TOKEN,
      );
      return;
    }
    const jobID = /^\/api\/v3\/projects\/[^/]+\/jobs\/([^/?]+)$/.exec(recorded.path)?.[1];
    if (jobID === undefined || recorded.method !== 'GET') {
      this.#strays.push(recorded);
      send(response, UNKNOWN_API);
      return;
    }
    this.#requests.set(jobID, [...this.requests(jobID), recorded]);
    if (!this.deliver(recorded)) return;
    const held = this.#held.get(jobID);
    if (held !== undefined) {
      held.push(response);
      return;
    }
    send(response, isTrusted(recorded) ? (this.#answers.get(jobID) ?? UNKNOWN_JOB) : WRONG_TOKEN);
  }
}

function isTrusted({ headers }: RecordedRequest): boolean {
  return String(headers['x-auth-token']).startsWith(TOKEN_MARK);
}

async function record(request: IncomingMessage): Promise<RecordedRequest> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
}

function send(
  response: ServerResponse,
  { status = 200, headers = {}, body = '', instead, raw }: Answer,
): void {
  if (raw !== undefined) {
    response.socket?.end(raw);
    return;
  }
  if (instead === 'hang') return;
  if (instead === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}
