/** The state of a Workflow's own job as TypeScript knows it: from its declaration alone. */
import type * as z from 'zod';
import type { Json } from '../canonical-json.ts';
import type { Reducer } from './reducer.ts';

/** Reducers of the Workflow's own, by name: what the state holds, and what is written → what it holds then. Pure. */
export type StateReducers = Readonly<Record<string, (held: never, written: never) => unknown>>;

/** One key of the state: how what is written joins what it holds. */
export interface StateKey<Name extends string = string> {
  /** One of the built-in ones, or the name of one of `reducers`. Default: `replace`. */
  readonly reducer?: Reducer | Name;
  /** Of `merge`: a list of objects, told apart by this field. Default: an object, whose keys are written one by one. */
  readonly by?: string;
  /** The value before any update, as plain JSON. Default: what the reducer begins with. */
  readonly initial?: unknown;
  /** What the value must look like after each update; it never changes it. Default: any JSON. */
  readonly schema?: z.ZodType;
}

/** The keys of a state. */
export type StateKeys<R extends StateReducers = StateReducers> = Readonly<Record<string, StateKey<keyof R & string>>>;

type ItemOf<T> = T extends readonly (infer I)[] ? ([I] extends [never] ? Json : I) : T;
type ReducerOf<C> = C extends { readonly reducer: infer N extends string } ? N : 'replace';
type Shown<C, Otherwise> = C extends { readonly schema: z.ZodType<infer V> }
  ? V
  : C extends { readonly initial: infer V }
    ? V
    : Otherwise;
type OrNull<C, V> = C extends { readonly initial: unknown } ? V : V | null;
type IsList<C> = ReducerOf<C> extends 'append' | 'set' ? true : C extends { readonly by: string } ? true : false;
type Item<C> = ItemOf<Shown<C, readonly Json[]>>;
type AnyObject = { readonly [key: string]: Json };

/** What one key holds. */
export type HeldBy<C, R extends StateReducers> =
  IsList<C> extends true
    ? readonly Item<C>[]
    : ReducerOf<C> extends 'sum'
      ? number
      : ReducerOf<C> extends 'min' | 'max'
        ? OrNull<C, Shown<C, number | string>>
        : ReducerOf<C> extends 'merge'
          ? Readonly<Shown<C, AnyObject>>
          : ReducerOf<C> extends 'replace'
            ? OrNull<C, Shown<C, Json>>
            : ReducerOf<C> extends keyof R
              ? OrNull<C, ReturnType<R[ReducerOf<C>]>>
              : Json;

/** What can be written to one key. */
export type WrittenTo<C, R extends StateReducers> =
  IsList<C> extends true
    ? Item<C> | readonly Item<C>[]
    : ReducerOf<C> extends 'sum'
      ? number
      : ReducerOf<C> extends 'min' | 'max'
        ? Shown<C, number | string>
        : ReducerOf<C> extends 'merge'
          ? Partial<Shown<C, AnyObject>>
          : ReducerOf<C> extends 'replace'
            ? Shown<C, Json>
            : ReducerOf<C> extends keyof R
              ? Parameters<R[ReducerOf<C>]>[1]
              : Json;

/** What all keys hold. */
export type StateValues<S, R extends StateReducers> = { readonly [K in keyof S]: HeldBy<S[K], R> };
/** What an update may write: any of the keys. */
export type StateUpdate<S, R extends StateReducers> = { readonly [K in keyof S]?: WrittenTo<S[K], R> };
