/**
 * What spans and lines of the log say of a job's Activities: names that a person reads, and where in the chain.
 *
 * Invariant: no content of a request or result is told: names, numbers and kinds alone.
 */
import type { ActiveSpan } from './active-span.ts';
import type { Activities } from '../model/job/activities.ts';

type Requests = { readonly [Name in keyof Activities]: Parameters<Activities[Name]>[0] };

const NAMES: { readonly [Name in keyof Activities]: (request: Requests[Name]) => string } = {
  runStep: ({ stepId }) => `step ${stepId}`,
  recall: () => 'results of earlier Runs',
  verifyWorld: () => 'comparison',
  repair: () => 'decision',
  rewind: () => 'rewind',
  edit: () => 'edit',
  release: () => 'release',
  askStuck: ({ stepId }) => `question about ${stepId}`,
  beginUndo: () => 'begin of the undoing',
  undoStep: ({ stepId }) => `undo ${stepId}`,
  subPlanOutcome: ({ stepId }) => `outcome of the sub-plan of ${stepId}`,
  workerAnswers: () => 'is a worker there?',
};

/** What a request or a result is about, as far as it says. */
interface Telling {
  readonly stepId?: unknown;
  readonly generation?: unknown;
  readonly reason?: unknown;
  readonly known?: { readonly seq?: unknown };
  readonly at?: { readonly seq?: unknown };
  readonly kind?: unknown;
  readonly released?: unknown;
  readonly type?: unknown;
}

/** The name that OpenTelemetry's conventions have for it. */
const ERROR_TYPE = 'error.type';

/** For lines: which step, and the newest record of the chain that the Workflow knew when it asked. */
export interface Subject {
  readonly stepId?: string;
  readonly seq?: number;
}

export function isOwnActivity(name: string): boolean {
  return Object.hasOwn(NAMES, name);
}

/** Undefined: no Activity of Holdfast's, or no request of one. */
export function spanNameOf(activity: string, request: unknown): string | undefined {
  if (!isOwnActivity(activity) || !isObject(request)) return undefined;
  return NAMES[activity as keyof Activities](request as never);
}

export function subjectOf(request: unknown): Subject {
  const { stepId, known } = asTelling(request);
  return {
    ...(typeof stepId === 'string' ? { stepId } : {}),
    ...(typeof known?.seq === 'number' ? { seq: known.seq } : {}),
  };
}

/** The record that came of it. Undefined: none. */
export function seqOf(result: unknown): number | undefined {
  const seq = asTelling(result).at?.seq;
  return typeof seq === 'number' ? seq : undefined;
}

export function tellRequest(span: ActiveSpan, workflowId: string, request: unknown): void {
  const { generation, reason } = asTelling(request);
  const { stepId, seq } = subjectOf(request);
  tell(span, { job: workflowId, step: stepId, generation, reason, seq });
}

export function tellResult(span: ActiveSpan, result: unknown): void {
  const { kind, reason, type } = asTelling(result);
  tell(span, { outcome: outcomeOf(result), reason, seq: seqOf(result) });
  if (kind === 'failed' && typeof type === 'string') span.setAttributes({ [ERROR_TYPE]: type });
}

/** In a word; of what has no kind it is what its Activity does. */
export function outcomeOf(result: unknown): string {
  const { kind, released } = asTelling(result);
  if (typeof kind === 'string') return kind;
  if (released === undefined) return 'question';
  return released === false ? 'not-released' : 'released';
}

/** Its type alone: the message is the tracer's to tell, or not. An expected failure is no error. */
export function tellFailure(span: ActiveSpan, failure: unknown): void {
  const outcome = outcomeOfFailure(failure);
  tell(span, { outcome });
  if (applicationFailureIn(failure).category !== 'BENIGN') span.setAttributes({ [ERROR_TYPE]: outcome });
}

export function outcomeOfFailure(failure: unknown): string {
  const { type } = applicationFailureIn(failure);
  return typeof type === 'string' ? type : 'failed';
}

/** What an Activity throws, and what a Workflow has of it. */
function applicationFailureIn(failure: unknown): { readonly type?: unknown; readonly category?: unknown } {
  const { cause, type } = failure as { readonly cause?: unknown; readonly type?: unknown };
  return typeof type !== 'string' && isObject(cause) ? cause : (failure as object);
}

/** What is undefined is left out, as is what is of no simple kind. */
export function tell(span: ActiveSpan, told: Readonly<Record<string, unknown>>): void {
  const attributes: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(told))
    if (typeof value === 'string' || typeof value === 'number') attributes[`holdfast.${name}`] = value;
  span.setAttributes(attributes);
}

function asTelling(value: unknown): Telling {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
