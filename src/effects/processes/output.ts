/**
 * What a command prints: both its streams apart and together, bounded, and filtered before anything is stored of it.
 */
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { OddByteDecoder } from '../odd-bytes.ts';
import { BoundedText } from './bounded-text.ts';
import { LastLine } from './last-line.ts';

/** The pipes of a dead process group are closed at once; one that isn't is held by a process that escaped. */
const PIPE_LIMIT_MS = 2_000;

/** What may be stored and shown of a stream; `end` gives what was held back. */
export interface OutputFilter {
  push(text: string): string;
  end(): string;
}

export interface OutputOptions {
  readonly maxOutputBytes?: number | undefined;
  readonly maxTextBytes: number;
  readonly maxLogBytes: number;
  /** Makes a filter for each stream. Default: all of it may be stored and shown. */
  readonly filter?: () => OutputFilter;
  /** The last line so far; not each one, and cut. */
  readonly onLine?: (line: string) => void;
}

export class Output {
  readonly stdout: BoundedText;
  readonly stderr: BoundedText;
  readonly log: BoundedText;
  onTooMuch: () => void = () => undefined;
  readonly #streams: readonly Readable[];
  readonly #maxOutputBytes: number;
  readonly #lastLine: LastLine | undefined;
  /** What filters hold back until the end. */
  readonly #heldBack: (() => void)[] = [];

  constructor(options: OutputOptions, child: ChildProcess) {
    this.stdout = new BoundedText(options.maxTextBytes);
    this.stderr = new BoundedText(options.maxTextBytes);
    this.log = new BoundedText(options.maxLogBytes);
    this.#streams = [child.stdout!, child.stderr!];
    this.#maxOutputBytes = options.maxOutputBytes ?? Number.POSITIVE_INFINITY;
    this.#lastLine = options.onLine && new LastLine(options.onLine);
    this.#read(child.stdout!, this.stdout, options.filter?.());
    this.#read(child.stderr!, this.stderr, options.filter?.());
  }

  /** Waits until nothing more can come. */
  async closed(): Promise<void> {
    const streams = this.#streams.filter((stream) => !stream.closed);
    const over = new AbortController();
    const all = Promise.all(streams.map((stream) => new Promise<void>((resolve) => stream.once('close', resolve))));
    await Promise.race([all, delay(PIPE_LIMIT_MS, undefined, { signal: over.signal }).catch(() => undefined)]);
    over.abort();
    for (const stream of streams) stream.destroy();
    // Nothing comes any more. A stream says that it is closed before it emits so: its event would be too late here.
    for (const take of this.#heldBack.splice(0)) take();
  }

  #read(stream: Readable, text: BoundedText, filter: OutputFilter | undefined): void {
    stream.on('error', () => undefined);
    if (filter === undefined) {
      stream.on('data', (chunk: Buffer) => this.#add(text, chunk));
      return;
    }
    const decoder = new OddByteDecoder();
    stream.on('data', (chunk: Buffer) => this.#add(text, Buffer.from(filter.push(decoder.decode(chunk)))));
    this.#heldBack.push(() => this.#add(text, Buffer.from(filter.push(decoder.end()) + filter.end())));
  }

  #add(text: BoundedText, chunk: Buffer): void {
    text.add(chunk);
    this.log.add(chunk);
    if (this.log.sizeBytes > this.#maxOutputBytes) this.onTooMuch();
    this.#lastLine?.add(chunk);
  }
}
