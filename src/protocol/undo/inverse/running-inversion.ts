/** The inverse of a record while it is made: what it is made from, and what has come of it so far. */
import { formatResource } from '../../../model/record/resource.ts';
import { uriOf, type DatabaseEffect, type Effect, type FileEffect } from '../../../model/record/effect.ts';
import type { NotUndone, Undoes } from '../../../model/record/intent.ts';
import type { Finding } from '../../../model/question/finding.ts';
import type { ResourceState } from '../../../model/record/world.ts';
import type { Stage } from '../../attempt/stage.ts';
import type { Inverse, UndoTarget } from './inverse.ts';

export class RunningInversion {
  readonly target: UndoTarget;
  readonly files: FileEffect[] = [];
  readonly changes: DatabaseEffect[] = [];
  readonly notUndone: NotUndone[] = [];
  readonly notes: string[] = [];
  readonly settled: Undoes['settled'] = [];
  /** What a person is asked; nothing is sealed while there is one. */
  readonly findings: Finding[] = [];
  /** Paths that are gone when the undoing is applied. */
  readonly gone: Set<string>;
  /** Resources that the step's own compensation changes. */
  readonly #compensated: ReadonlySet<string>;

  constructor(target: UndoTarget) {
    this.target = target;
    this.gone = removedPaths(target.stage);
    this.#compensated = changedResources(target.stage);
  }

  get inverse(): Inverse {
    const { files, changes, notUndone, notes, settled } = this;
    return { files, changes, notUndone, notes, settled };
  }

  isCompensated(resource: string | undefined): boolean {
    return resource !== undefined && this.#compensated.has(resource);
  }

  /** A change that is not made after all. */
  withdraw(change: DatabaseEffect): void {
    this.changes.splice(this.changes.indexOf(change), 1);
  }

  /** Nothing is done to the resource, and the record says that it is `found`. */
  settle(role: 'undone' | 'accepted', resource: string, found: ResourceState): void {
    this.settled.push({ resource, role, state: found });
  }

  leave(what: string, why: string): void {
    this.notUndone.push({ what, why });
  }
}

function removedPaths({ files }: Stage): Set<string> {
  const removed = [...files.values()].filter(
    (staged) => staged.kind === 'remove' || (staged.kind === 'put' && staged.after.kind === 'absent'),
  );
  return new Set(removed.map(({ path }) => path));
}

function changedResources({ files, changes }: Stage): ReadonlySet<string> {
  return new Set([
    ...[...files.keys()].map((path) => formatResource({ kind: 'file', path })),
    ...changes.flatMap((change) => uriOf(change as Effect) ?? []),
  ]);
}
