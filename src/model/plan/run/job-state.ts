/**
 * A job's state: what it carries from step to step, as plain JSON.
 *
 * Invariants
 * 1. State is a pure function of the plan and the finished steps' outputs, folded super-step by super-step, within one
 *    in plan order. Who was faster never shows.
 * 2. It is plain JSON of at most 1 MiB, and fits the schemas that the plan gives.
 */
import { canonicalJson, type Json, type JsonObject } from '../../canonical-json.ts';
import { defined } from '../../defined.ts';
import { HoldfastError } from '../../failure.ts';
import { initialOf } from '../../state/reducer.ts';
import type { NodeWrites } from '../../state/state-write.ts';
import { StateChannels, type ChannelCheck } from '../../state/state-channels.ts';
import { isKnownConflict } from '../check/parallel-state.ts';
import { validatorOf } from '../json-schema.ts';
import type { Plan } from '../plan.ts';
import { checkBySchema } from '../problem/channel-check.ts';
import { resolve } from '../reference/resolve.ts';

/** With the outputs it is a job's result, which must fit into one payload. */
export const MAX_STATE_BYTES = 1_048_576;
/** What version 0.1 took: a job that has asked a person about more goes on as it was. */
export const EARLIER_MAX_STATE_BYTES = 262_144;

export interface FinishedStep {
  readonly stepId: string;
  readonly output: Json;
  /** What a person says that it writes. Default: what its output gives. */
  readonly values?: JsonObject | undefined;
}

interface StateOfPlan {
  /** Held in place of the initial values. */
  readonly values?: JsonObject;
  /** Asked for where there are more bytes than version 0.1 took. Default: `MAX_STATE_BYTES`. */
  readonly maxBytes?: (() => number) | undefined;
}

/** The channels that a plan declares, with their initial values. @throws HoldfastError `bad-input` */
export function stateChannels(
  plan: Plan,
  { values, maxBytes = () => MAX_STATE_BYTES }: StateOfPlan = {},
): StateChannels {
  // Earlier versions knew no conditions, with which two writers may stand for one.
  const mayBeOld = plan.steps.every(({ when }) => when === undefined);
  return new StateChannels(plan.state, {
    checks: checksOf(plan),
    maxBytes: (sizeBytes) => (sizeBytes <= EARLIER_MAX_STATE_BYTES ? EARLIER_MAX_STATE_BYTES : maxBytes()),
    maxWrittenBytes: MAX_STATE_BYTES,
    misfit: 'bad-output',
    who: (stepId) => `step "${stepId}"`,
    field: 'stepId',
    isTolerated: (key) => mayBeOld && isKnownConflict(plan.state[key]!),
    ...defined({ values }),
  });
}

function checksOf(plan: Plan): ReadonlyMap<string, ChannelCheck> {
  return new Map(
    Object.entries(plan.state).flatMap(([key, { schema, ...declared }]) =>
      schema === undefined ? [] : [[key, checkBySchema(validatorOf(schema), `state.${key}`, declared)] as const],
    ),
  );
}

/** The state before any step: `initial` of each key, else what its reducer begins with. */
export function initialState(plan: Plan): JsonObject {
  return Object.fromEntries(Object.entries(plan.state).map(([key, declared]) => [key, initialOf(declared)]));
}

/**
 * The state after a super-step. A step with `until` is among `finished` once for each round, in their order; else the
 * order of `finished` does not matter: plan order does. Pure; the given state is not changed.
 * @throws HoldfastError `not-json`, `too-large`, `state-conflict`, or `bad-output` when the output lacks what the plan
 *   refers to or the value does not fit its schema; `details.stepId` names the step
 */
export function foldState(plan: Plan, state: JsonObject, finished: readonly FinishedStep[]): JsonObject {
  const channels = stateChannels(plan, { values: state });
  channels.fold(writesOf(plan, finished));
  return channels.values;
}

/** What finished steps write to the state, in plan order. @throws HoldfastError as `foldState` */
export function writesOf(plan: Plan, finished: readonly FinishedStep[]): readonly NodeWrites[] {
  const byStep = Map.groupBy(finished, ({ stepId }) => stepId);
  return plan.steps
    .flatMap(({ id, state }) => (byStep.get(id) ?? []).map((step) => writtenBy(plan, state, step)))
    .filter(({ values }) => Object.keys(values).length > 0);
}

function writtenBy(plan: Plan, state: JsonObject, step: FinishedStep): NodeWrites {
  if (step.values !== undefined) return { node: step.stepId, values: step.values };
  const values = Object.entries(state).map(([key, expression]) => {
    if (!Object.hasOwn(plan.state, key)) throw undeclared(step.stepId, key);
    return [key, mapped(step, key, expression)];
  });
  return { node: step.stepId, values: Object.fromEntries(values) as JsonObject };
}

function undeclared(stepId: string, key: string): HoldfastError {
  const message = `Step "${stepId}" writes state "${key}", which the plan does not declare.`;
  return new HoldfastError('bad-plan', message, { stepId, key });
}

function mapped({ stepId, output }: FinishedStep, key: string, expression: Json): Json {
  let value: Json;
  try {
    value = resolve(expression, { output });
  } catch (cause) {
    if (!(cause instanceof HoldfastError)) throw cause;
    throw new HoldfastError(
      'bad-output',
      `State "${key}" cannot be taken from the output of step "${stepId}": ${cause.message}`,
      { stepId, key },
      { cause },
    );
  }
  try {
    canonicalJson(value, `state.${key}`);
  } catch (cause) {
    if (!(cause instanceof HoldfastError)) throw cause;
    throw new HoldfastError(
      cause.type,
      `Step "${stepId}" gives a state that is not plain JSON: ${cause.message}`,
      { ...cause.details, stepId, key },
      { cause },
    );
  }
  return value;
}
