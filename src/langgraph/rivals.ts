/**
 * Two runs that go on from one checkpoint of a thread without knowing of each other: the first wins, the other is told.
 * Who names the checkpoint himself, or copies one, means a branch; branches are all kept.
 *
 * Invariants
 * 1. A run that took a checkpoint for the latest puts nothing after it once somebody else has.
 * 2. What a person branches off deliberately stops nobody.
 */
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import type { CheckpointEntry } from './document.ts';
import { threadText, type ThreadName } from './names.ts';

/** How many of the newest checkpoints of a thread, and of the looks at them, are remembered. */
const MAX_REMEMBERED = 500;

/** In place of a parent's id. */
const BEGINNING = '';

interface Look {
  /** The newest generation when somebody here took the checkpoint for the latest. */
  seen: number;
  isLatest: boolean;
  /** How often it was named by its id since: so many branches may go off from it. */
  named: number;
}

interface Child {
  readonly id: string;
  readonly generation: number;
  readonly writer: string;
  readonly isBranch: boolean;
}

/** Who has looked at which checkpoint, and what was put after it. */
export class Rivals {
  readonly #looks = new Map<string, Look>();
  readonly #children = new Map<string, Child[]>();
  /** For each run here that found the thread empty and has put nothing yet: the newest generation then. */
  readonly #beginnings: number[] = [];

  /** Somebody here got this checkpoint as the latest. */
  sawLatest(id: string, newest: number): void {
    this.#look(id, newest, true).seen = newest;
  }

  /** A run here found no checkpoint, and will begin the thread. */
  sawNone(newest: number): void {
    // What looked earlier and has put nothing since is over, or has lost already.
    const earlier = this.#beginnings.findLastIndex((seen) => seen < newest);
    this.#beginnings.splice(0, earlier + 1);
    this.#beginnings.push(newest);
  }

  /** What the run that is about to begin the thread had seen of it. Undefined: no run has said so. */
  takeBeginning(): number | undefined {
    return this.#beginnings.pop();
  }

  /** May a thread begin with this one? @throws HoldfastError `checkpoint-taken` naming both writers */
  admitBeginning(entry: { readonly id: string; readonly writer: string }, seen: number, name: ThreadName): void {
    const begun = this.#children.get(BEGINNING) ?? [];
    const rival = begun.find(({ id, generation }) => id !== entry.id && generation > seen);
    if (rival !== undefined) throw taken(name, { ...entry, parent: undefined }, rival);
  }

  /** Somebody here got this checkpoint by its id. */
  sawNamed(id: string, newest: number): void {
    this.#look(id, newest, false).named += 1;
  }

  /** A checkpoint was put, here or by another process. @param own by this saver */
  put(entry: CheckpointEntry, generation: number, own: boolean): void {
    const { id, parent = BEGINNING, writer, isBranch } = entry;
    remember(this.#children, parent, [...(this.#children.get(parent) ?? []), { id, generation, writer, isBranch }]);
    const look = this.#looks.get(parent);
    if (own && look !== undefined && look.named > 0) look.named -= 1;
    if (own) this.#look(id, generation, false);
  }

  /** May this one be put? Whether it is a branch. @throws HoldfastError `checkpoint-taken` naming both writers */
  admit(entry: { readonly id: string; readonly parent: string; readonly writer: string }, name: ThreadName): boolean {
    const look = this.#looks.get(entry.parent);
    const children = (this.#children.get(entry.parent) ?? []).filter(({ id }) => id !== entry.id);
    if (look === undefined) return children.length > 0;
    if (look.named > 0) return true;
    const rival = children.find(
      ({ generation, writer, isBranch }) =>
        !isBranch && generation > look.seen && (look.isLatest || writer !== entry.writer),
    );
    if (rival === undefined) return children.length > 0;
    throw taken(name, entry, rival);
  }

  #look(id: string, newest: number, isLatest: boolean): Look {
    const look = this.#looks.get(id) ?? { seen: newest, isLatest, named: 0 };
    look.isLatest ||= isLatest;
    remember(this.#looks, id, look);
    return look;
  }
}

function remember<T>(memory: Map<string, T>, key: string, value: T): void {
  memory.delete(key);
  memory.set(key, value);
  const [oldest] = memory.keys();
  if (memory.size > MAX_REMEMBERED && oldest !== undefined) memory.delete(oldest);
}

function taken(
  name: ThreadName,
  mine: { readonly id: string; readonly parent: string | undefined; readonly writer: string },
  rival: Child,
): HoldfastError {
  return new HoldfastError(
    'checkpoint-taken',
    `Two writers ${mine.parent === undefined ? 'began' : `went on from checkpoint ${mine.parent} of`} ` +
      `${threadText(name)}: ${rival.writer} has put ` +
      `${rival.id}, so ${mine.id} of ${mine.writer} was refused. Nothing of the refused one was stored.`,
    {
      ...name,
      ...defined({ parent: mine.parent }),
      winner: { checkpoint: rival.id, writer: rival.writer },
      refused: { checkpoint: mine.id, writer: mine.writer },
      nextStep:
        'Run it again: it goes on from the state of the run that won. To keep both, name the checkpoint to ' +
        'branch off from (configurable.checkpoint_id).',
    },
  );
}
