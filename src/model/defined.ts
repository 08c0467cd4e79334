/**
 * An object without the fields that are undefined: for optional fields, which `exactOptionalPropertyTypes` tells from
 * undefined ones.
 */

/** The fields of `T` that may be undefined are optional; the others are as they were. */
export type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** `{ a: 1, b: undefined }` → `{ a: 1 }`. The order of the fields stays. */
export function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
