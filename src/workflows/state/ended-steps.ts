/** Steps that have ended since the last checkpoint, for the next one. */
import type { CheckpointTask } from '../../model/checkpoint/note.ts';

const MAX_MESSAGE_CHARACTERS = 1_000;

export class EndedSteps {
  /** Does somebody take them? A plan knows by itself what ran. */
  isCollecting = false;
  readonly #ended = new Map<string, CheckpointTask>();

  get count(): number {
    return this.#ended.size;
  }

  done(id: string, generation: number): void {
    if (this.isCollecting) this.#ended.set(id, { id, generation, outcome: 'done' });
  }

  failed(id: string, generation: number, { type, message }: { readonly type: string; readonly message: string }): void {
    if (!this.isCollecting) return;
    const error = { type, message: message.slice(0, MAX_MESSAGE_CHARACTERS) };
    this.#ended.set(id, { id, generation, outcome: 'failed', error });
  }

  /** In the order of their ids: which of two that ran at once was faster never shows. */
  get tasks(): readonly CheckpointTask[] {
    return [...this.#ended.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  clear(): void {
    this.#ended.clear();
  }
}
