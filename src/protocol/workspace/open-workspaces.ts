/**
 * The workspaces that a process has open: each once, under its real path.
 *
 * Invariants
 * 1. What is open belongs to the folder that is there now: one that was removed and made again is opened anew.
 * 2. Nothing is closed that a request uses. What a job gave back is closed, and of the others only so many stay open.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { HOLDFAST_DIRECTORY } from '../../model/step/workspace-path.ts';
import { OF_RECORD, storageError } from '../../store/durable-file.ts';
import type { Workspace } from './workspace.ts';

/** Each has the ledger's and the lock's descriptors, caches, and connections to its databases. */
export const MAX_OPEN_WORKSPACES = 50;

interface OpenEntry {
  readonly workspace: Workspace;
  /** Which folders these are: an inode's number is used again, its time of birth is not. */
  readonly identity: string;
  /** Under which paths requests name it. */
  readonly names: Set<string>;
}

export class OpenWorkspaces {
  readonly #max: number;
  /** By real path; the latest used is last. */
  readonly #entries = new Map<string, OpenEntry>();
  /** To be closed as soon as no request uses them. */
  readonly #retired = new Set<OpenEntry>();
  readonly #closing = new Set<Promise<void>>();
  /** How many requests name this path now. */
  readonly #requests = new Map<string, number>();

  constructor(max = MAX_OPEN_WORKSPACES) {
    this.#max = max;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @param name the path by which the request names it */
  get(root: string, name: string, open: () => Workspace): Workspace {
    const identity = identityOf(root);
    if (this.#entries.get(root)?.identity !== identity) this.#retireEntry(root);
    const entry = this.#entries.get(root) ?? { workspace: open(), identity, names: new Set() };
    entry.names.add(name);
    this.#entries.delete(root);
    this.#entries.set(root, entry);
    return entry.workspace;
  }

  /** Nothing that the request finds by this name is closed before it ends. */
  async using<T>(name: string, request: () => Promise<T>): Promise<T> {
    this.#requests.set(name, this.#countOf(name) + 1);
    try {
      return await request();
    } finally {
      const count = this.#countOf(name) - 1;
      if (count === 0) this.#requests.delete(name);
      else this.#requests.set(name, count);
      this.#closeUnused();
    }
  }

  /** It is given back: closed once no request uses it. */
  retire(name: string): void {
    for (const [root, { names }] of this.#entries) if (names.has(name)) this.#retireEntry(root);
    this.#closeUnused();
  }

  async close(): Promise<void> {
    for (const root of this.#entries.keys()) this.#retireEntry(root);
    for (const entry of this.#retired) this.#close(entry);
    await Promise.all(this.#closing);
  }

  #countOf(name: string): number {
    return this.#requests.get(name) ?? 0;
  }

  #isUsed({ names }: OpenEntry): boolean {
    return [...names].some((name) => this.#requests.has(name));
  }

  #retireEntry(root: string): void {
    const entry = this.#entries.get(root);
    if (entry === undefined) return;
    this.#entries.delete(root);
    this.#retired.add(entry);
  }

  #closeUnused(): void {
    for (const [root, entry] of this.#entries) {
      if (this.#entries.size <= this.#max) break;
      if (!this.#isUsed(entry)) this.#retireEntry(root);
    }
    for (const entry of this.#retired) if (!this.#isUsed(entry)) this.#close(entry);
  }

  /** Nobody waits for it, nor for what it has to say: what was recorded is recorded. */
  #close(entry: OpenEntry): void {
    this.#retired.delete(entry);
    const closing = entry.workspace
      .close()
      .catch(() => undefined)
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

function identityOf(root: string): string {
  return [root, join(root, HOLDFAST_DIRECTORY)].map(birthOf).join(' ');
}

function birthOf(path: string): string {
  try {
    const { dev, ino, birthtimeNs } = lstatSync(path, { bigint: true });
    return `${dev}:${ino}:${birthtimeNs}`;
  } catch (error) {
    throw storageError('look at', path, error, OF_RECORD);
  }
}
