/** How the code of a call says that the call certainly did not happen, so that nothing is in doubt. */

const BRAND = Symbol.for('holdfast.not-performed');

/**
 * Thrown by `run` of `ctx.perform`: the call did not happen (the connection was refused, the other side said no).
 * Whatever else it throws leaves the call in doubt.
 */
export class NotPerformed extends Error {
  /** Always `NotPerformed`. */
  override readonly name = 'NotPerformed';
  /** Another copy of this package (another build, another entry) throws the same. */
  readonly [BRAND] = true;
}

/** Does an error say that the call did not happen? Never throws. */
export function isNotPerformed(error: unknown): error is NotPerformed {
  return typeof error === 'object' && error !== null && (error as { [BRAND]?: unknown })[BRAND] === true;
}

/** The same said by an error of another kind. */
export function asNotPerformed<E extends Error>(error: E): E {
  return Object.assign(error, { [BRAND]: true });
}
