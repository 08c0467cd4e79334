/** Where in a value an encoding is, and what it has met there. */
import { HoldfastError } from '../../model/failure.ts';
import { MAX_VALUE_DEPTH } from './tags.ts';

/** An instance of LangChain's whose class must still be tried: does it read back? */
export interface Trial {
  readonly instance: object;
  readonly path: string;
}

/** Classes of the user's that are kept, by the names that are written. */
export type Classes = Readonly<Record<string, new (...args: never[]) => object>>;

/** One walk through one value. */
export class Walk {
  readonly trials: Trial[] = [];
  readonly classes: Classes;
  readonly #root: string;
  readonly #keys: (string | number)[] = [];
  readonly #within: object[] = [];

  /** @param root what the value is, for messages: `channel "messages"` */
  constructor(root: string, classes: Classes = {}) {
    this.#root = root;
    this.classes = classes;
  }

  /** Goes on below a key. */
  below<T>(key: string | number, visit: () => T): T {
    this.#keys.push(key);
    const result = visit();
    this.#keys.pop();
    return result;
  }

  /** Goes into an object. @throws HoldfastError `not-json` for a cycle, and for nesting that is too deep */
  into<T>(value: object, visit: () => T): T {
    if (this.#within.includes(value)) throw this.refused('a cycle: the value holds itself');
    if (this.#within.length >= MAX_VALUE_DEPTH) throw this.refused(`nesting deeper than ${MAX_VALUE_DEPTH}`);
    this.#within.push(value);
    const result = visit();
    this.#within.pop();
    return result;
  }

  /** What may be kept if its class reads back. */
  mustBeTried(instance: object): void {
    this.trials.push({ instance, path: this.path });
  }

  get path(): string {
    return this.#root + this.#keys.map(stepText).join('');
  }

  refused(what: string): HoldfastError {
    return refusedAt(this.path, what);
  }
}

/** The failure of a value that can't be kept as it is. */
export function refusedAt(path: string, what: string): HoldfastError {
  return new HoldfastError(
    'not-json',
    `The state can't be stored: ${path} is ${what}. Expected something that reads back as the same type.`,
    {
      path,
      found: what,
      nextStep:
        'Let the node return plain data there, or name the class in the option `classes` of the saver ' +
        '(docs/langgraph.md lists what is kept). Nothing was stored of this state.',
    },
  );
}

function stepText(key: string | number): string {
  return typeof key === 'string' && /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
