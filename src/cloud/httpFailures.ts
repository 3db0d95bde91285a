import { TunnelError } from '../connecting.js';

const TOO_LONG = 'the answer is too long';
export class AnswerTooLong extends Error {}

const FAILURES: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'the connection was refused'],
  ['ECONNRESET', 'the connection was reset'],
  ['EPIPE', 'the connection was closed'],
  ['ECONNABORTED', 'the connection was aborted'],
  ['ETIMEDOUT', 'connecting timed out'],
  ['EHOSTUNREACH', 'the host cannot be reached'],
  ['ENETUNREACH', 'the network cannot be reached'],
  ['ENOTFOUND', 'the host name is unknown'],
  ['EAI_AGAIN', 'the host name cannot be resolved now'],
  ['CERT_HAS_EXPIRED', 'the TLS certificate has expired'],
  ['CERT_NOT_YET_VALID', 'the TLS certificate is not valid yet'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'the TLS certificate is for another host'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'the TLS certificate is self-signed'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'the TLS certificate is signed by an unknown authority'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'the TLS certificate is signed by an unknown authority'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'the TLS certificate is signed by an unknown authority'],
  ['ERR_INVALID_CHAR', 'a header has a character that HTTP does not allow'],
  ['Z_DATA_ERROR', 'the compressed answer is broken'],
  ['Z_BUF_ERROR', 'the compressed answer is cut short'],
]);

/** Node's codes for a certificate that is not to be trusted: expired, for another host, of an unknown authority. */
const CERTIFICATE = /CERT|^UNABLE_TO_(?:VERIFY|GET)/;

/** Whether no request can succeed until somebody corrects a certificate, or the trust in it. */
export function isCertificateFault(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && CERTIFICATE.test(code);
}

/**
 * Why a request failed, for people: one line, and the same text for the same failure. Only the code is copied from a
 * foreign error: an AxiosError contains the whole request.
 */
export function describeFailure(error: unknown): string {
  if (error instanceof AnswerTooLong) return TOO_LONG;
  const { cause, code } = (error ?? {}) as { cause?: unknown; code?: unknown };
  if (cause instanceof TunnelError) return cause.message;
  if (typeof code !== 'string') return 'the request failed';
  return `${FAILURES.get(code) ?? 'the request failed'} (${code})`;
}
