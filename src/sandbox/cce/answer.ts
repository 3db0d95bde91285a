/** An answer of the simulated cloud: JSON unless the body is text. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** An error of the API gateway in front of the services. The request ID is added when it is sent. */
export function gatewayError(status: number, code: string, message: string): Answer {
  return { status, body: { error_msg: message, error_code: code } };
}

/** The gateway's answer to a path or method that is not an API; a trailing slash is enough to get it. */
export const NO_SUCH_API = gatewayError(
  404,
  'APIGW.0101',
  'The API does not exist or has not been published in the environment',
);

/** The gateway's answer to credentials that it does not accept. */
export function badCredentials(problem: string): Answer {
  return gatewayError(401, 'APIGW.0301', `Incorrect IAM authentication information: ${problem}`);
}

export const TOKEN_EXPIRED = gatewayError(401, 'APIGW.0307', 'The token must be updated');

/** The answer to every request with a locked access key. */
export const KEY_LOCKED = gatewayError(401, 'APIGW.0301', 'AK access failed to reach the limit,forbidden.');

/** An error of CCE itself: a Kubernetes Status with the service's two families of codes mixed in. */
export function cceError(
  status: number,
  codes: { readonly errorCode: string; readonly error_code: string },
  texts: { readonly errorMessage: string; readonly message: string; readonly reason: string },
): Answer {
  return {
    status,
    body: {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      code: status,
      errorCode: codes.errorCode,
      errorMessage: texts.errorMessage,
      error_code: codes.error_code,
      error_msg: texts.errorMessage.replace(/\.$/, ''),
      message: texts.message,
      reason: texts.reason,
    },
  };
}

export function noSuchJob(id: string): Answer {
  return cceError(
    404,
    { errorCode: 'CCE.01404001', error_code: 'CCE_CM.0003' },
    { errorMessage: 'Resource not found.', message: `jobs "${id}" not found`, reason: 'NotFound' },
  );
}

export function forbidden(projectID: string): Answer {
  return cceError(
    403,
    { errorCode: 'CCE.01403001', error_code: 'CCE_CM.0402' },
    {
      errorMessage: 'Forbidden.',
      message: `no permission cce:job:get in project ${projectID}`,
      reason: 'Forbidden',
    },
  );
}

export const INTERNAL_ERROR = cceError(
  500,
  { errorCode: 'CCE.01500001', error_code: 'CCE_CM.0002' },
  { errorMessage: 'Internal error.', message: 'Internal error occurred', reason: 'InternalError' },
);

/** Keystone's form of an error, which IAM answers. */
export function iamError(status: number, title: string, message: string): Answer {
  return { status, body: { error: { code: status, message, title } } };
}
