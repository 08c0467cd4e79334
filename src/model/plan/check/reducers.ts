/** Does a state key hold what its reducer works on: its initial value, its schema? */
import { defined } from '../../defined.ts';
import { HoldfastError } from '../../failure.ts';
import { shown } from '../../shown-value.ts';
import { channelOf } from '../../state/channel-of.ts';
import { Misfit } from '../../state/channel.ts';
import { isListChannel, type ChannelDeclaration } from '../../state/reducer.ts';
import type { JsonSchema } from '../json-schema.ts';
import type { Plan } from '../plan.ts';
import type { PlanProblem } from '../problem/problem.ts';

type Type = NonNullable<JsonSchema['type']>;
type StateKey = Plan['state'][string];

/** What is wrong with a key's initial value beside its reducer; undefined: nothing. */
export function initialProblem(key: string, declared: StateKey): PlanProblem | undefined {
  const path = `state.${key}.initial`;
  try {
    channelOf(key, declared, {});
    return undefined;
  } catch (error) {
    if (!(error instanceof HoldfastError) || !(error.cause instanceof Misfit)) throw error;
    const { expected, found } = error.cause;
    const { reducer } = declared;
    const message =
      reducer === 'append' ? 'cannot be appended to' : `is nothing that the reducer ${reducer} begins with`;
    return { path, message, expected: `${expected}, as the reducer is ${reducer}`, found: shown(found) };
  }
}

/** `by` where nothing is told apart. */
export function checkBy(plan: Plan): readonly PlanProblem[] {
  return Object.entries(plan.state).flatMap(([key, { reducer, by }]) =>
    by === undefined || reducer === 'merge'
      ? []
      : [{ path: `state.${key}.by`, message: `says nothing about the reducer ${reducer}`, expected: 'reducer: merge' }],
  );
}

/** Schemas that no value of the reducer can fit. For a plan that no job runs yet. */
export function checkSchemaOfReducer(plan: Plan): readonly PlanProblem[] {
  return Object.entries(plan.state).flatMap(([key, declared]) => {
    const type = declared.schema?.type;
    const types = typesOf(declared);
    if (type === undefined || types === undefined || types.includes(type)) return [];
    const hint = isListChannel(declared)
      ? 'the schema is that of the whole list: what an item is stands under `items`'
      : undefined;
    return [
      {
        path: `state.${key}.schema.type`,
        message: `is nothing that the reducer ${declared.reducer} holds`,
        expected: `type: ${types.join(' or ')}`,
        found: type,
        ...defined({ hint }),
      },
    ];
  });
}

/** Of the values that a reducer holds; undefined: any. */
function typesOf(declared: ChannelDeclaration): readonly Type[] | undefined {
  if (isListChannel(declared)) return ['array'];
  switch (declared.reducer) {
    case 'merge':
      return ['object'];
    case 'sum':
      return ['number', 'integer'];
    case 'min':
    case 'max':
      return ['number', 'integer', 'string'];
    default:
      return undefined;
  }
}
