/** What a walk of the real code knows beside the workspace. JSON, so that it outlives a process that is killed. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChainPlace } from '../../src/model/job/chain-place.ts';
import type { UndoItem } from '../../src/model/job/undo.ts';
import type { Decision } from '../../src/model/question/decision.ts';
import type { Question } from '../../src/model/question/question.ts';
import { GENESIS } from '../../src/model/record/chain.ts';
import type { Rows } from './real-rows.ts';
import { ABSENT, type Resource, type Step, type Value } from './state.ts';

/** As the Workflow has it. */
export interface Remembered {
  term: number;
  known: ChainPlace;
  held: number[];
  done: Step[];
  gens: Partial<Record<Step, number>>;
}

export interface WalkMemory {
  /** Holds the workspace as the host has it that is at work. */
  folder: string;
  worker: number;
  run: number;
  passedMs: number;
  /** How often the steps' code has drawn a value. */
  draws: number;
  workflow: Remembered;
  /** What it would remember if it were reset to before a step. */
  past: Partial<Record<Step, Remembered>>;
  asked?: Question | undefined;
  /** The decision that was sealed last, and what it answers. */
  decided?: { readonly decision: Decision; readonly question: Question } | undefined;
  undo?: UndoItem[] | undefined;
  isUndoing: boolean;
}

export const FORGETFUL: Remembered = { term: 0, known: { seq: 0, head: GENESIS }, held: [], done: [], gens: {} };

/** Of a job that has not begun, in a folder of its own: whoever ends the walk removes it. */
export function firstMemory(): WalkMemory {
  const folder = join(realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-model-'))), 'host-0');
  mkdirSync(join(folder, 'job'), { recursive: true });
  const workflow = structuredClone(FORGETFUL);
  return { folder, worker: 0, run: 0, passedMs: 0, draws: 0, workflow, past: {}, isUndoing: false };
}

export async function worldIn(folder: string, rows: Rows): Promise<Record<Resource, Value>> {
  const file = (name: string): Value => {
    try {
      return readFileSync(join(folder, 'job', name), 'utf8');
    } catch {
      return ABSENT;
    }
  };
  return { f: file('f'), g: file('g'), x: await rows.read('d1'), y: await rows.read('d2') };
}
