import type { JsonObject } from './json.js';

/** One problem of an object: an entry of `details.causes`. */
export interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

/** The subject of a `Status`. `kind` is the plural in most replies, and the kind in those about invalid objects. */
export interface Subject {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

/** An answer other than success; becomes a `Status` object with its HTTP code. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly code: number,
    readonly reason: string | undefined,
    message: string,
    readonly details?: JsonObject,
  ) {
    super(message);
  }

  /** The body of the reply. */
  toStatus(): JsonObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason === undefined ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, 'BadRequest', message);
}

/** An API server's answer to a path that it does not serve: plain text, without a Status. */
export class PageNotFound extends Error {
  override readonly name = 'PageNotFound';
}

/** The answer of the built-in groups for what they do not serve; everything else is a `PageNotFound`. */
export function noSuchResource(): ApiError {
  return new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function methodNotAllowed(): ApiError {
  return new ApiError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  );
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  return new ApiError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );
}

export function notFound(subject: Subject): ApiError {
  return about(subject, 404, 'NotFound', `${qualified(subject)} "${subject.name}" not found`);
}

export function alreadyExists(subject: Subject): ApiError {
  return about(subject, 409, 'AlreadyExists', `${qualified(subject)} "${subject.name}" already exists`);
}

export function conflict(
  subject: Subject,
  problem = 'the object has been modified; please apply your changes to the latest version and try again',
): ApiError {
  return about(
    subject,
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(subject)} "${subject.name}": ${problem}`,
  );
}

export function forbidden(subject: Subject, problem: string, causes: readonly Cause[] = []): ApiError {
  return about(
    subject,
    403,
    'Forbidden',
    `${qualified(subject)} "${subject.name}" is forbidden: ${problem}`,
    causes,
  );
}

export function invalid(subject: Subject, causes: readonly Cause[]): ApiError {
  const lines = causes.map(({ field, message }) => `${field}: ${message}`);
  const summary = lines.length === 1 ? lines[0]! : `[${lines.join(', ')}]`;
  const message = `${qualified(subject)} "${subject.name}" is invalid: ${summary}`;
  return about(subject, 422, 'Invalid', message, causes);
}

/** The watch history, or the list that a continue token came from, is no longer there. */
export function expired(message: string): ApiError {
  return new ApiError(410, 'Expired', message);
}

/** The body of a successful reply that has no object to show. */
export function success(subject: Subject, uid: string): JsonObject {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { ...detailsOf(subject), uid },
  };
}

function about(
  subject: Subject,
  code: number,
  reason: string,
  message: string,
  causes: readonly Cause[] = [],
): ApiError {
  const details = { ...detailsOf(subject), ...(causes.length === 0 ? {} : { causes }) };
  return new ApiError(code, reason, message, details);
}

function detailsOf({ name, group, kind }: Subject): JsonObject {
  return { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), kind };
}

function qualified({ group, kind }: Subject): string {
  return group === '' ? kind : `${kind}.${group}`;
}

/** `field: Invalid value: "x": problem`; objects and lists are left out of the text. */
export function invalidValue(field: string, value: unknown, problem: string): Cause {
  const shown = typeof value === 'object' && value !== null ? '' : `${JSON.stringify(value)}: `;
  return { reason: 'FieldValueInvalid', message: `Invalid value: ${shown}${problem}`, field };
}

export function requiredValue(field: string, problem?: string): Cause {
  return {
    reason: 'FieldValueRequired',
    message: problem === undefined ? 'Required value' : `Required value: ${problem}`,
    field,
  };
}

export function forbiddenValue(field: string, problem: string): Cause {
  return { reason: 'FieldValueForbidden', message: `Forbidden: ${problem}`, field };
}
