/** Text as UTF-8. Nothing is replaced: text that UTF-8 can't carry is refused. */
import { HoldfastError } from '../../model/failure.ts';

/** @throws HoldfastError `bad-input` for a lone surrogate */
export function utf8(text: string): Buffer {
  if (!text.isWellFormed()) throw notUnicode();
  return Buffer.from(text, 'utf8');
}

/**
 * Chunks of bytes or text as bytes; a surrogate pair may be split between two chunks.
 * @throws HoldfastError `bad-input`
 */
export async function* asBytes(
  content: AsyncIterable<Uint8Array | string>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let half = '';
  for await (const chunk of content) {
    if (typeof chunk !== 'string') {
      if (half !== '') throw notUnicode();
      yield chunk;
      continue;
    }
    const text = half + chunk;
    half = /[\uD800-\uDBFF]$/.test(text) ? text.slice(-1) : '';
    yield utf8(half === '' ? text : text.slice(0, -1));
  }
  if (half !== '') throw notUnicode();
}

function notUnicode(): HoldfastError {
  return new HoldfastError(
    'bad-input',
    'The text holds a lone surrogate, which UTF-8 cannot carry. Write bytes instead.',
  );
}
