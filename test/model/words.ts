/** Operations in words. */
import type { Operation } from './operations.ts';
import type { Act } from './running.ts';

export function wordsOf(operation: Operation): string {
  const at = 'at' in operation ? operation.at : undefined;
  const between = at === undefined ? '' : `; at ${at.moment} (moment ${at.at}) ${actWords(at.act)}`;
  return `${plain(operation)}${between}`;
}

function plain(operation: Operation): string {
  switch (operation.op) {
    case 'step':
      return 'the Workflow requests its next step';
    case 'compare':
      return 'the world is compared';
    case 'decide':
      return `a person answers ${[...new Set(operation.answers)].join(' and ')}`;
    case 'decide again':
      return `the answered question is answered once more: ${[...new Set(operation.answers)].join(' and ')}`;
    case 'begin undo':
      return 'the undoing begins';
    case 'undo next':
      return 'the next record is undone';
    case 'release':
      return 'the job ends';
    case 'crash':
      return 'every process ends; another worker comes';
    case 'wake':
      return 'the attempt that stood still goes on';
    case 'wait':
      return 'a long time passes';
    case 'swap':
      return 'the ledger is replaced by a copy of it from after the first comparison';
    case 'abort':
      return 'a person aborts the job; what it did is to be undone';
    case 'reset':
      return `the Workflow is reset to before step ${operation.to}`;
    case 'edit':
      return editWords(operation);
  }
}

function editWords({ res, value }: { readonly res: string; readonly value: string }): string {
  return value === '-' ? `somebody deletes ${res}` : `somebody makes ${res} ${value}`;
}

function actWords(act: Act): string {
  switch (act.do) {
    case 'crash':
      return 'every process ends';
    case 'lose':
      return 'the attempt stands still, and its request is made again';
    case 'move':
      return 'the host stands still, and a copy of the workspace goes on elsewhere';
    case 'edit':
      return editWords(act);
  }
}
