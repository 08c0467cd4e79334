/** Can the conditions of a plan be decided, and do the fields beside them mean something? As far as that is known. */
import type { Json } from '../../canonical-json.ts';
import { isList } from '../../list.ts';
import { waitStep } from '../../step/built-in/wait.ts';
import type { Comparison, Condition } from '../condition.ts';
import { directNeeds, skippableSteps, type PlanGraph } from '../graph/graph.ts';
import type { Plan, PlanStep } from '../plan.ts';
import { MAX_ROUNDS } from '../plan-step.ts';
import { shown } from '../../shown-value.ts';
import type { PlanProblem } from '../problem/problem.ts';
import type { Reference } from '../reference/reference.ts';
import { parseTemplate } from '../reference/template.ts';
import type { Destinations } from './destination.ts';

/** For a plan whose references can all be read and lead somewhere. */
export function checkConditions(plan: Plan, graph: PlanGraph, destinations: Destinations): readonly PlanProblem[] {
  const skippable = skippableSteps(graph);
  return plan.steps.flatMap((step, index) => {
    const at = `steps[${index}]`;
    return [
      ...checkRounds(step, at),
      ...checkOnSkipped(step, skippable, `${at}.onSkipped`),
      ...(step.when === undefined ? [] : checkCondition(step.when, `${at}.when`, destinations)),
      ...(step.until === undefined ? [] : checkCondition(step.until, `${at}.until`, destinations)),
    ];
  });
}

function checkRounds({ until, maxRounds, forEach, use }: PlanStep, at: string): readonly PlanProblem[] {
  const problems: PlanProblem[] = [];
  if (until !== undefined && maxRounds === undefined)
    problems.push({
      path: `${at}.until`,
      message: 'has no bound',
      expected: `maxRounds beside it, from 1 to ${MAX_ROUNDS}`,
      hint: 'add for example maxRounds: 5; what follows then is for onFailure to say',
    });
  if (until === undefined && maxRounds !== undefined)
    problems.push({
      path: `${at}.maxRounds`,
      message: 'means nothing without `until`',
      hint: 'say what ends the rounds: until: { ge: ["${{ output.score }}", 8] }',
    });
  if (until !== undefined && forEach !== undefined)
    problems.push({
      path: `${at}.until`,
      message: 'a step has either `forEach` or `until`',
      expected: 'items of a list, or rounds',
      hint: 'let one step go through the list, and another one have the rounds',
    });
  if (until !== undefined && use === waitStep.name)
    problems.push({
      path: `${at}.until`,
      message: 'a wait cannot run in rounds: it returns nothing',
      hint: 'let a step look in rounds, and rest in its own code',
    });
  return problems;
}

function checkOnSkipped(step: PlanStep, skippable: ReadonlySet<string>, path: string): readonly PlanProblem[] {
  if (step.onSkipped === undefined || directNeeds(step).some((need) => skippable.has(need))) return [];
  return [
    {
      path,
      message: 'means nothing: no step that this one needs can be skipped',
      hint: 'remove it, or give a step that it needs a `when`',
    },
  ];
}

const FORMS = '{ eq: ["${{ steps.ID.output.kind }}", "refund"] }';

function checkCondition(condition: Condition, at: string, destinations: Destinations): readonly PlanProblem[] {
  if (typeof condition === 'string') return checkTruth(condition, at, destinations);
  if ('and' in condition)
    return condition.and.flatMap((part, index) => checkCondition(part, `${at}.and[${index}]`, destinations));
  if ('or' in condition)
    return condition.or.flatMap((part, index) => checkCondition(part, `${at}.or[${index}]`, destinations));
  if ('not' in condition) return checkCondition(condition.not, `${at}.not`, destinations);
  if ('exists' in condition)
    return aloneIn(condition.exists) === undefined
      ? [
          noReference(
            `${at}.exists`,
            condition.exists,
            'one reference and nothing else',
            '{ exists: "${{ input.note }}" }',
          ),
        ]
      : [];
  const [operator] = Object.keys(condition) as [Comparison];
  const sides = (condition as Readonly<Record<string, readonly [Json, Json]>>)[operator]!;
  return checkSides(operator, sides, `${at}.${operator}`, destinations);
}

function checkTruth(text: string, path: string, destinations: Destinations): readonly PlanProblem[] {
  const reference = aloneIn(text);
  if (reference === undefined)
    return [noReference(path, text, `one reference to true or false, or ${FORMS}`, `compare in data: ${FORMS}`)];
  const type = typeOf(text, destinations);
  if (type === undefined || type === 'boolean') return [];
  return [{ path, message: `${text} is neither true nor false`, expected: 'type boolean', found: `type ${type}` }];
}

function checkSides(
  operator: Comparison,
  [a, b]: readonly [Json, Json],
  path: string,
  destinations: Destinations,
): readonly PlanProblem[] {
  if (!holdsReference(a) && !holdsReference(b))
    return [
      noReference(path, [a, b], 'a reference on one side', `write it with its marks: \${{ ${String(wordIn(a, b))} }}`),
    ];
  const [typeA, typeB] = [typeOf(a, destinations), typeOf(b, destinations)];
  if (operator === 'in') {
    if (typeB === undefined || typeB === 'array') return [];
    const found = `type ${typeB}`;
    return [{ path: `${path}[1]`, message: 'is no list', expected: 'a list, or one reference to a list', found }];
  }
  const isOrder = operator !== 'eq' && operator !== 'ne';
  if (isOrder)
    for (const [place, type] of [typeA, typeB].entries())
      if (type !== undefined && type !== 'number' && type !== 'string')
        return [
          { path: `${path}[${place}]`, message: 'has no order', expected: 'a number or text', found: `type ${type}` },
        ];
  if (typeA === undefined || typeB === undefined || typeA === typeB) return [];
  // An output or a state may be null where its schema says nothing of it.
  if (!isOrder && (typeA === 'null' || typeB === 'null')) return [];
  const message = isOrder ? 'compares what has no order' : 'compares what is never the same';
  const expected = 'two values of one type: nothing is converted';
  return [{ path, message, expected, found: `type ${typeA} and type ${typeB}` }];
}

function noReference(path: string, found: Json, expected: string, hint: string): PlanProblem {
  return { path, message: 'holds no reference that could be looked at', expected, found: shown(found), hint };
}

/** What was perhaps meant as a reference. */
function wordIn(a: Json, b: Json): Json {
  return [a, b].find((side) => typeof side === 'string' && side.includes('.')) ?? 'steps.ID.output';
}

function holdsReference(value: Json): boolean {
  if (typeof value === 'string') return parseTemplate(value).some((part) => typeof part !== 'string');
  return (
    typeof value === 'object' && value !== null && Object.values(value).some((part) => holdsReference(part as Json))
  );
}

/** The one reference that the text consists of. */
function aloneIn(text: string): Reference | undefined {
  const [only, ...rest] = parseTemplate(text);
  return only === undefined || typeof only === 'string' || rest.length > 0 ? undefined : only;
}

/** As far as it is known. A whole number is a number. */
function typeOf(side: Json, destinations: Destinations): string | undefined {
  if (side === null) return 'null';
  if (isList(side)) return 'array';
  if (typeof side !== 'string') return typeof side;
  const alone = aloneIn(side);
  if (alone === undefined) return 'string';
  const type = destinations.shape(alone)?.type;
  if (typeof type !== 'string') return undefined;
  return type === 'integer' ? 'number' : type;
}
