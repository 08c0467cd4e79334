/** Output of any length in bounded memory: its start and its end; what is omitted between them is counted. */
import { decodedBytes } from '../odd-bytes.ts';

export class BoundedText {
  readonly #half: number;
  readonly #head: Buffer[] = [];
  #headBytes = 0;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #sizeBytes = 0;

  /** @param maxBytes half of it for the start, half for the end */
  constructor(maxBytes: number) {
    this.#half = Math.floor(maxBytes / 2);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get droppedBytes(): number {
    return Math.max(0, this.#sizeBytes - 2 * this.#half);
  }

  add(chunk: Buffer): void {
    this.#sizeBytes += chunk.length;
    const room = this.#half - this.#headBytes;
    const forHead = chunk.subarray(0, room);
    if (forHead.length > 0) {
      this.#head.push(forHead);
      this.#headBytes += forHead.length;
    }
    if (chunk.length <= room) return;
    this.#tail.push(chunk.subarray(Math.max(0, room)));
    this.#tailBytes += chunk.length - Math.max(0, room);
    // Now and then only: each time copies the tail.
    if (this.#tailBytes > 2 * this.#half) this.#cutTail();
  }

  bytes(): Buffer {
    this.#cutTail();
    const middle =
      this.droppedBytes === 0
        ? []
        : [Buffer.from(`\n… ${this.droppedBytes.toLocaleString('en-US')} bytes left out …\n`)];
    return Buffer.concat([...this.#head, ...middle, ...this.#tail]);
  }

  /** A byte that is no part of a character in UTF-8 is shown as itself, `<E9>`. */
  text(): string {
    return decodedBytes(this.bytes()).text;
  }

  #cutTail(): void {
    if (this.#tailBytes <= this.#half) return;
    const whole = Buffer.concat(this.#tail);
    // A copy, so that the memory of what is cut away is freed.
    this.#tail = [Buffer.from(whole.subarray(whole.length - this.#half))];
    this.#tailBytes = this.#half;
  }
}
