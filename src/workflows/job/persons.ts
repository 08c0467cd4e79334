/** What people send to a job: who takes it in, put together. */
import type { RewoundTo } from '../../model/job/repair.ts';
import { Decisions, type DecisionsOptions } from '../gate/decisions.ts';
import { Rewinding } from '../gate/rewinding.ts';
import { handleMessages, type HandlersOptions } from './handlers.ts';
import type { JobParts } from './parts.ts';

export interface PersonsOptions extends Pick<DecisionsOptions, 'isReady' | 'onRewound' | 'onAborted'> {
  readonly onWentBack: (to: RewoundTo) => void;
  readonly onWake: () => void;
  readonly state: HandlersOptions['state'];
}

/** Signals that came before are delivered at once. */
export function listenToPersons(parts: JobParts, { onWentBack, onWake, state, ...options }: PersonsOptions): void {
  const decisions = new Decisions({ ...parts, ...options });
  const rewinding = new Rewinding({ ...parts, decisions, onWentBack });
  handleMessages({ ...parts, decisions, rewinding, onWake, state });
}
