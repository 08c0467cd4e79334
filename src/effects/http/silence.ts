/** Aborts when nothing has come for so long, or when the caller does. */
export class Silence {
  readonly #controller = new AbortController();
  readonly #timeoutMs: number;
  readonly #unlisten: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** Nothing has come for too long. */
  isTooLong = false;

  constructor(timeoutMs: number, outer: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    const onAbort = (): void => {
      clearTimeout(this.#timer);
      this.#controller.abort(outer.reason);
    };
    if (outer.aborted) onAbort();
    outer.addEventListener('abort', onAbort, { once: true });
    this.#unlisten = () => outer.removeEventListener('abort', onAbort);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something has been sent or has come: the time begins anew. */
  begin(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.isTooLong = true;
      this.#controller.abort(new DOMException('nothing came for too long', 'TimeoutError'));
    }, this.#timeoutMs);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#unlisten();
  }
}
