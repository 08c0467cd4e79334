/**
 * How values that JSON doesn't have stand in JSON: an object whose first key is `TAG`. A plain object of the user's
 * that has this key is written as a list of its entries, so that nothing of a user's is ever taken for a tag.
 */

/** The key that marks a value of another type. */
export const TAG = '$holdfast';

/** Deeper nesting is refused: a recursive reader would run out of stack. */
export const MAX_VALUE_DEPTH = 500;

/** Typed arrays by their names. A Buffer is one of its own. */
export const BINARY = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
} as const;

/** Errors of the language, whose constructors take a message. */
export const ERRORS = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError } as const;

/** LangGraph's own marks, which it knows by this name or by their fields. */
export const MARKS = ['Send', 'Overwrite', 'Command'] as const;
