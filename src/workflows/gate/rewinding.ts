/** Rewinds that people ask for, by Signal or Update: back to a checkpoint, or the latest rewind undone. */
import { defined } from '../../model/defined.ts';
import type { RewoundTo } from '../../model/job/repair.ts';
import { MAX_STEPS_ANSWERED, parseRewind, type Rewind, type RewindRequest } from '../../model/job/rewind.ts';
import { callRewind } from '../activities.ts';
import type { RewindAnswer } from '../messages.ts';
import { Unasked, type UnaskedOptions } from './unasked.ts';

export interface RewindingOptions extends UnaskedOptions {
  /** The record and the world are at the checkpoint; the job's body is to go on from there. */
  readonly onWentBack: (to: RewoundTo) => void;
}

export type Rewinding = Unasked<Rewind, RewindRequest, RewindAnswer>;

export function rewindingOf({ onWentBack, ...options }: RewindingOptions): Rewinding {
  const { identity, knowledge } = options;
  return new Unasked(options, {
    activity: 'rewind',
    what: 'a rewind',
    notDone: ({ undo }) => (undo === true ? 'The rewind was not undone' : 'The job was not rewound'),
    moved: ({ undo }) => (undo === true ? ['put back', 'undo it again'] : ['taken back', 'rewind again']),
    parse: parseRewind,
    problemsIn: () => [],
    requestOf: (rewind): RewindRequest => ({ ...identity, rewind, known: knowledge.known }),
    call: callRewind,
    use: ({ undo }, { rewoundTo, reruns, reinstated, notes, someStays }, compare): RewindAnswer => {
      if (rewoundTo !== undefined) onWentBack(rewoundTo);
      // What steps had read whose results count again may have changed since. What somebody has changed meanwhile is
      // not as the record has it, and no step that runs again need come to it.
      if (undo === true || someStays === true) compare();
      const again = new Set(reinstated);
      const all = reruns.map(({ stepId }) => stepId).filter((stepId) => !again.has(stepId));
      const runsAgain = all.slice(0, MAX_STEPS_ANSWERED);
      return { to: rewoundTo?.seq ?? 0, runsAgain, ...defined({ reinstated }), done: notes };
    },
  });
}
