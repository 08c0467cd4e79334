/** Redacts plain data. */

/**
 * All texts of the data, names of members included.
 * @returns the very value where there is nothing to redact
 */
export function redactData(redact: (text: string) => string, value: unknown): unknown {
  if (typeof value === 'string') return redact(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => redactData(redact, item));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  const entries = Object.entries(value);
  const redacted = entries.map(([key, member]) => [redact(key), redactData(redact, member)] as const);
  const isClean = redacted.every(([key, member], index) => key === entries[index]![0] && member === entries[index]![1]);
  return isClean ? value : Object.fromEntries(redacted);
}
