/**
 * The header that names a request, so that the other side can tell a repeat:
 * draft-ietf-httpapi-idempotency-key-header, an item of structured fields (RFC 9651) that is a string, quoted.
 */
export const IDEMPOTENCY_KEY_HEADER = 'idempotency-key';

/** @param key printable ASCII; ours are hex digits */
export function idempotencyKeyHeader(key: string): string {
  return `"${key.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
