/** What people send to a job: who takes it in, put together. */
import { Decisions, type DecisionsOptions } from '../gate/decisions.ts';
import { editingOf, type Editable } from '../gate/editing.ts';
import { rewindingOf } from '../gate/rewinding.ts';
import type { StateOfNow } from './checkpoint-queries.ts';
import type { AskedAtFirst, GoingBack } from './going-back.ts';
import { handleMessages } from './handlers.ts';
import type { JobParts } from './parts.ts';

export interface PersonsOptions extends Pick<DecisionsOptions, 'isReady' | 'onRewound' | 'onAborted'> {
  readonly back: GoingBack;
  readonly onWake: () => void;
  readonly state: StateOfNow & Editable;
}

/** Signals that came before are delivered at once. @returns what carries out what is asked for before the body */
export function listenToPersons(parts: JobParts, { back, onWake, state, ...options }: PersonsOptions): AskedAtFirst {
  const decisions = new Decisions({ ...parts, ...options });
  const rewinding = rewindingOf({ ...parts, decisions, onWentBack: (to) => back.to(to) });
  const editing = editingOf({ ...parts, decisions, state, onEdited: () => back.toEdited() });
  handleMessages({ ...parts, decisions, rewinding, editing, onWake, state });
  return { rewinding, editing };
}
