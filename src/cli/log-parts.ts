/**
 * The records of a chain as people read them: sub-steps with the step in whose code they ran, not as records of their
 * own among all others. Pure.
 *
 * Invariants
 * 1. Each record is in one part, and in it in the order of the chain.
 * 2. What came about between sub-steps and was none (a decision, say) stands between them, as it did in the chain.
 */
import { isPartOfCode, requestedStepOf, subStepDepth } from '../model/sub-step-id.ts';
import type { StepRecord, UndoneRecord } from '../model/record/record.ts';
import type { ChainEntry } from '../protocol/inspect/inspection.ts';

/** Sub-steps of one step in one generation, in the order of the chain. */
export interface SubStepsPart {
  readonly kind: 'done' | 'undone';
  readonly outerId: string;
  /** The contract's name; undefined: none of these tells it. */
  readonly outerStep: string | undefined;
  readonly generation: number;
  readonly entries: readonly SubStepEntry[];
}

type SubStepEntry = ChainEntry & { readonly record: StepRecord | UndoneRecord };

/** A record, with the sub-steps that it stands for; or sub-steps whose step has no record at that place. */
export type LogPart =
  | { readonly entry: ChainEntry; readonly within: SubStepsPart | undefined }
  | { readonly entry: undefined; readonly within: SubStepsPart };

interface Gathered extends SubStepsPart {
  readonly entries: SubStepEntry[];
}

/**
 * Part by part as the records come: of those that are still to be told no more is held than their outer step's.
 * @param alone sub-steps that are records like others, by their ids
 */
export function* logParts(
  chain: Iterable<ChainEntry>,
  alone: ReadonlySet<string> = new Set(),
): Generator<LogPart, void, undefined> {
  const gathered = new Map<string, Gathered>();
  for (const entry of chain) {
    const { record } = entry;
    if (isOfStep(record) && subStepDepth(record.stepId) > 0 && !alone.has(record.stepId)) {
      gather(gathered, { ...entry, record });
      continue;
    }
    const isStep = record.kind === 'step';
    const within = isStep ? gathered.get(keyOf(record)) : undefined;
    if (within !== undefined) gathered.delete(keyOf(record as StepRecord));
    // Steps that run at once with others end among their sub-steps.
    if (!isStep) yield* flush(gathered);
    yield { entry, within };
  }
  yield* flush(gathered);
}

function isOfStep(record: ChainEntry['record']): record is StepRecord | UndoneRecord {
  return record.kind === 'step' || record.kind === 'undone';
}

function gather(gathered: Map<string, Gathered>, entry: SubStepEntry): void {
  const { record } = entry;
  const key = keyOf(record);
  const present = gathered.get(key);
  if (present !== undefined) return void present.entries.push(entry);
  const { stepId, generation } = record;
  const outerStep = record.kind === 'step' && isPartOfCode(record.step) ? requestedStepOf(record.step) : undefined;
  const kind = record.kind === 'step' ? 'done' : 'undone';
  gathered.set(key, { kind, outerId: requestedStepOf(stepId), outerStep, generation, entries: [entry] });
}

function keyOf({ kind, stepId, generation }: StepRecord | UndoneRecord): string {
  return `${kind} ${generation} ${requestedStepOf(stepId)}`;
}

function* flush(gathered: Map<string, Gathered>): Generator<LogPart, void, undefined> {
  for (const within of gathered.values()) yield { entry: undefined, within };
  gathered.clear();
}
