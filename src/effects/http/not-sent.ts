/** The errors of Node's `fetch`, sorted: was the request sent? */

/**
 * Calls of the system that come before the first byte. The same code from another call says nothing: on an open
 * connection `write` and `read` fail by EHOSTUNREACH, too, once the network has changed.
 */
const CALLS_BEFORE_SENDING = new Set(['connect', 'getaddrinfo']);

/** Of Node, not of a call of the system: no connection in time, a certificate that isn't the host's. */
const NOT_SENT_CODES = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'ERR_SOCKET_CONNECTION_TIMEOUT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
]);
const MAX_REASON_CHARACTERS = 300;

interface FailureCause {
  readonly code?: string;
  readonly syscall?: string;
  readonly message?: string;
  /** One for each address that was tried. */
  readonly errors?: readonly FailureCause[];
}

interface FetchError {
  readonly message?: string;
  readonly cause?: FailureCause;
}

/**
 * Did it fail before a byte of the request went out: no address, no connection, a certificate that isn't the host's?
 */
export function isNotSent(error: unknown): boolean {
  const { cause } = error as FetchError;
  return cause !== undefined && isBeforeSending(cause);
}

function isBeforeSending({ code, syscall, message, errors }: FailureCause): boolean {
  if (errors !== undefined && errors.length > 0) return errors.every(isBeforeSending);
  if (message === 'bad port') return true;
  if (syscall !== undefined) return CALLS_BEFORE_SENDING.has(syscall);
  return (
    code !== undefined && (NOT_SENT_CODES.has(code) || code.startsWith('CERT_') || code.startsWith('ERR_TLS_CERT_'))
  );
}

export function reasonOf(error: unknown): string {
  const { message, cause } = error as FetchError;
  return (cause?.message || cause?.code || message || String(error)).slice(0, MAX_REASON_CHARACTERS);
}
