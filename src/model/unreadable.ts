/**
 * What came in a payload that nobody can read, as a value: whoever knows of it refuses it with the reason. To others
 * it throws that reason as soon as they touch it, as reading it at once would have done.
 */
const reasons = new WeakMap<object, string>();

/** @param error why it can't be read */
export function unreadable(error: Error): object {
  const touched = (): never => {
    throw error;
  };
  const value = new Proxy(
    {},
    { get: touched, has: touched, ownKeys: touched, getPrototypeOf: touched, getOwnPropertyDescriptor: touched },
  );
  reasons.set(value, error.message);
  return value;
}

/** Why it can't be read; undefined: it can. */
export function whyUnreadable(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null ? reasons.get(value) : undefined;
}
