/**
 * The hash workers: started when first needed, one a core, ended when idle.
 *
 * Invariants
 * 1. Idle workers keep no process alive; busy ones do.
 * 2. Each batch is answered or rejected: the batch of a worker that dies is rejected.
 * 3. A worker has at most one batch; the rest waits here, so that a slow file delays only its own batch.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { HoldfastError } from '../../model/failure.ts';
import type { HashReply, HashRequest } from './hash-worker.ts';
import type { FileSighting } from './sighting.ts';
import type { FileView, HashWorkers } from './workspace.ts';

const MAX_WORKERS = 32;
const MAX_BATCH = 256;
/** At least so many batches a worker: with small ones at the end, workers end at about the same time. */
const BATCHES_PER_WORKER = 8;
const IDLE_MS = 10_000;

interface Batch {
  readonly request: HashRequest;
  readonly resolve: (sightings: readonly FileSighting[]) => void;
  readonly reject: (error: Error) => void;
}

interface Member {
  readonly worker: Worker;
  batch: Batch | undefined;
}

let shared: HashPool | undefined;

/** The one of the process: as many workers as cores, however many workspaces are open. They end when idle. */
export function sharedHashPool(): HashPool {
  return (shared ??= new HashPool());
}

export class HashPool implements HashWorkers {
  readonly #size: number;
  readonly #members = new Set<Member>();
  readonly #waiting: Batch[] = [];
  #nextId = 1;
  #idle: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(size = Math.min(availableParallelism(), MAX_WORKERS)) {
    this.#size = size;
  }

  /** One sighting a path, in order. `onProgress` is told of each finished batch. */
  async look(view: FileView, paths: readonly string[], onProgress?: (count: number) => void): Promise<FileSighting[]> {
    if (this.#isClosed) throw new HoldfastError('defect', 'The hash workers are closed.');
    const batchSize = Math.max(1, Math.min(MAX_BATCH, Math.ceil(paths.length / (this.#size * BATCHES_PER_WORKER))));
    const batches: Promise<readonly FileSighting[]>[] = [];
    let looked = 0;
    for (let start = 0; start < paths.length; start += batchSize) {
      const part = paths.slice(start, start + batchSize);
      const batch = new Promise<readonly FileSighting[]>((resolve, reject) => {
        this.#waiting.push({ request: { id: this.#nextId++, view, paths: part }, resolve, reject });
      });
      batches.push(
        batch.then((sightings) => {
          looked += part.length;
          onProgress?.(looked);
          return sightings;
        }),
      );
    }
    this.#dispatch();
    return (await Promise.all(batches)).flat();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#endWorkers();
  }

  #dispatch(): void {
    clearTimeout(this.#idle);
    for (const member of this.#members) {
      if (member.batch === undefined && this.#waiting.length > 0) this.#give(member, this.#waiting.shift()!);
    }
    while (this.#waiting.length > 0 && this.#members.size < this.#size)
      this.#give(this.#start(), this.#waiting.shift()!);
    if (this.#waiting.length > 0 || [...this.#members].some(({ batch }) => batch !== undefined)) return;
    this.#idle = setTimeout(() => void this.#endWorkers(), IDLE_MS);
    this.#idle.unref();
  }

  #give(member: Member, batch: Batch): void {
    member.batch = batch;
    member.worker.ref();
    member.worker.postMessage(batch.request);
  }

  #start(): Member {
    // The same file as source (.ts) and as package (.js).
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const worker = new Worker(new URL(`./hash-worker.${extension}`, import.meta.url));
    const member: Member = { worker, batch: undefined };
    worker.on('message', (reply: HashReply) => {
      const { batch } = member;
      member.batch = undefined;
      worker.unref();
      if (batch?.request.id === reply.id) batch.resolve(reply.sightings);
      else batch?.reject(new HoldfastError('defect', 'A hash worker answered another batch than the one it has.'));
      this.#dispatch();
    });
    worker.on('error', (error) => this.#lose(member, error));
    worker.on('exit', () => this.#lose(member, new Error('it ended')));
    this.#members.add(member);
    return member;
  }

  #lose(member: Member, cause: unknown): void {
    if (!this.#members.delete(member)) return;
    member.batch?.reject(
      new HoldfastError('storage-failed', 'A hash worker ended before it had answered.', {}, { cause }),
    );
    member.batch = undefined;
    if (!this.#isClosed) this.#dispatch();
  }

  async #endWorkers(): Promise<void> {
    clearTimeout(this.#idle);
    for (const { reject } of this.#waiting.splice(0))
      reject(new HoldfastError('defect', 'The hash workers are closed.'));
    const members = [...this.#members];
    for (const member of members) this.#lose(member, new Error('it was closed'));
    await Promise.all(members.map(({ worker }) => worker.terminate()));
  }
}
