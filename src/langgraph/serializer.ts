/**
 * How the saver writes values: every type that it takes comes back as that type; what it can't keep so, it refuses with
 * the path. LangGraph's own serializer makes a text of a Date and `null` of NaN, and a sentence of a state that holds a
 * bigint.
 */
import type { SerializerProtocol } from '@langchain/langgraph-checkpoint';
import { decode } from './types/decode.ts';
import { encode } from './types/encode.ts';
import { TAG } from './types/tags.ts';
import { type Classes, refusedAt, type Trial, Walk } from './types/walk.ts';
import { HoldfastError } from '../model/failure.ts';

const PLAIN = 'json';
const TYPED = 'holdfast-json';

/** Writes values so that each reads back as the type that it was; refuses, with the path, what can't be kept so. */
export class TypeKeepingSerializer implements SerializerProtocol {
  readonly #langChain: SerializerProtocol;
  /** Classes of LangChain's that were tried, and whether they read back. */
  readonly #tried = new WeakMap<object, boolean>();

  readonly #classes: Classes;

  /**
   * @param langChain what loads messages and the like: LangGraph's own serializer
   * @param classes instances of these are kept too, by their own enumerable properties
   */
  constructor(langChain: SerializerProtocol, classes: Classes = {}) {
    this.#langChain = langChain;
    this.#classes = classes;
  }

  /** Safe to repeat. @throws HoldfastError `not-json` naming the path of the first value that can't be kept */
  async dumpsTyped(value: unknown): Promise<[string, Uint8Array]> {
    return this.dumpsNamed(value, 'the value');
  }

  /** The same, with a name for the value. The value is read before this returns. @param name `channel "messages"` */
  async dumpsNamed(value: unknown, name: string): Promise<[string, Uint8Array]> {
    const walk = new Walk(name, this.#classes);
    const text = JSON.stringify(encode(value, walk));
    for (const trial of walk.trials) await this.#try(trial);
    return [text.includes(`"${TAG}":`) ? TYPED : PLAIN, Buffer.from(text, 'utf8')];
  }

  /** @throws HoldfastError `unknown-format` for what another serializer wrote */
  async loadsTyped(type: string, data: Uint8Array | string): Promise<unknown> {
    if (type !== PLAIN && type !== TYPED)
      throw new HoldfastError(
        'unknown-format',
        `The state was written by another serializer: its type is ${JSON.stringify(type)}. ` +
          `Expected ${PLAIN} or ${TYPED}.`,
        { found: type, nextStep: 'Give the saver the serializer that wrote it (option `serde`).' },
      );
    const value: unknown = JSON.parse(typeof data === 'string' ? data : Buffer.from(data).toString('utf8'));
    return type === PLAIN ? value : await decode(value, async (written) => this.#load(written), this.#classes);
  }

  async #load(written: unknown): Promise<unknown> {
    return await this.#langChain.loadsTyped('json', JSON.stringify(written));
  }

  /** Once a class: does what it writes of itself make an instance of it again? */
  async #try({ instance, path }: Trial): Promise<void> {
    const { constructor } = instance;
    let reads = this.#tried.get(constructor);
    if (reads === undefined) {
      const again = await this.#load(instance).catch(() => undefined);
      reads = typeof again === 'object' && again !== null && again.constructor === constructor;
      this.#tried.set(constructor, reads);
    }
    if (!reads) throw refusedAt(path, `an instance of ${constructor.name}, a class that LangChain doesn't read back`);
  }
}
