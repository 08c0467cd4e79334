/** The errors of Node's `fetch`, sorted: was the request sent? */

const NOT_SENT_CODES = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
]);
const MAX_REASON_CHARACTERS = 300;

interface FetchError {
  readonly message?: string;
  readonly cause?: { readonly code?: string; readonly syscall?: string; readonly message?: string };
}

/**
 * Did it fail before a byte of the request went out: no address, no connection, a certificate that isn't the host's?
 */
export function isNotSent(error: unknown): boolean {
  const { cause } = error as FetchError;
  if (cause?.message === 'bad port') return true;
  const code = cause?.code;
  if (code === undefined) return false;
  return (
    NOT_SENT_CODES.has(code) ||
    cause?.syscall === 'connect' ||
    code.startsWith('CERT_') ||
    code.startsWith('ERR_TLS_CERT_')
  );
}

export function reasonOf(error: unknown): string {
  const { message, cause } = error as FetchError;
  return (cause?.message || cause?.code || message || String(error)).slice(0, MAX_REASON_CHARACTERS);
}
