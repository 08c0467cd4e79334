/** Where a plan's references lead: is there anything at the end of each path? */
import type { Reference } from './reference.ts';
import type { PlanProblem } from './problem.ts';
import type { Plan } from './plan.ts';
import type { StepContract } from '../step/step.ts';
import { type Shape, shapeOf, followShape } from './shape.ts';
import { unknownName } from './unknown-name.ts';

/** Where references lead, looked up once. */
export class Destinations {
  readonly #plan: Plan;
  readonly #contracts: ReadonlyMap<string, StepContract>;
  readonly #stepUse: ReadonlyMap<string, string>;
  readonly #outputShapes = new Map<string, Shape | undefined>();
  readonly #stateReads: {
    readonly key: string;
    readonly path: string;
    readonly stepId: string;
    readonly text: string;
  }[] = [];

  constructor(plan: Plan, contracts: ReadonlyMap<string, StepContract>) {
    this.#plan = plan;
    this.#contracts = contracts;
    this.#stepUse = new Map(plan.steps.map((step) => [step.id, step.use]));
  }

  problems(reference: Reference, path: string): readonly PlanProblem[] {
    switch (reference.root) {
      case 'input': {
        const schema = this.#plan.input;
        if (schema === undefined && reference.path.length > 0)
          return [
            {
              path,
              message: `${reference.text} leads nowhere`,
              found: 'a plan that declares no input',
              hint: 'declare it: input: { type: object, properties: { … } }',
            },
          ];
        return followShape(schema, reference, path, 'input', true);
      }
      case 'state':
        if (Object.hasOwn(this.#plan.state, reference.name)) return [];
        return [
          unknownName(
            path,
            'state key',
            reference.name,
            Object.keys(this.#plan.state),
            "declare it under the plan's `state`",
          ),
        ];
      case 'steps': {
        const use = this.#stepUse.get(reference.stepId);
        if (use === undefined)
          return [unknownName(path, 'step id', reference.stepId, [...this.#stepUse.keys()], undefined)];
        return this.output(use, reference, path, `steps.${reference.stepId}.output`);
      }
      default:
        return [];
    }
  }

  /** A reference into the output of a step, as far as its contract tells. */
  output(use: string, reference: Reference, path: string, name: string): readonly PlanProblem[] {
    if (!this.#outputShapes.has(use)) this.#outputShapes.set(use, shapeOf(this.#contracts.get(use)));
    return followShape(this.#outputShapes.get(use), reference, path, name, false);
  }

  stateBefore(
    reference: Extract<Reference, { readonly name: string }>,
    path: string,
    stepId: string,
  ): readonly PlanProblem[] {
    this.#stateReads.push({ key: reference.name, path, stepId, text: reference.text });
    return [];
  }

  /** State that is read before any step can have written it, and has no initial value. */
  unwritten(waitsFor: ReadonlyMap<string, readonly string[]>): readonly PlanProblem[] {
    const reads = this.#stateReads.filter(
      ({ key }) =>
        Object.hasOwn(this.#plan.state, key) &&
        this.#plan.state[key]!.initial === undefined &&
        this.#plan.state[key]!.reducer === 'replace',
    );
    return reads.flatMap(({ key, path, stepId, text }) => {
      const writers = this.#plan.steps
        .filter((step) => step.id !== stepId && Object.hasOwn(step.state, key))
        .map((step) => step.id);
      if (writers.some((writer) => waitsForThrough(waitsFor, stepId, writer))) return [];
      return [
        {
          path,
          message: `${text} has no value yet when "${stepId}" runs`,
          found:
            writers.length === 0
              ? 'no step that writes it'
              : `written by ${writers.join(', ')}, which "${stepId}" does not wait for`,
          hint:
            writers.length === 0
              ? `give state.${key} an \`initial\` value, or let a step write it`
              : `add needs: [${writers[0]}], or give state.${key} an \`initial\` value`,
        },
      ];
    });
  }
}

function waitsForThrough(waitsFor: ReadonlyMap<string, readonly string[]>, from: string, to: string): boolean {
  const seen = new Set<string>();
  const queue = [from];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (const need of waitsFor.get(id) ?? []) {
      if (need === to) return true;
      if (!seen.has(need)) queue.push(need);
      seen.add(need);
    }
  }
  return false;
}
