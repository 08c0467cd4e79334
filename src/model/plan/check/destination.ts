/** Where a plan's references lead: is there anything at the end of each path? */
import type { StepContract } from '../../step/step.ts';
import type { Plan } from '../plan.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { unknownName } from '../problem/unknown-name.ts';
import type { Reference } from '../reference/reference.ts';
import type { PlacedReference } from '../reference/references.ts';
import { followShape, shapeAt, shapeOf, type Shape } from './shape.ts';

/** The places that references can lead to, looked up once. */
export class Destinations {
  readonly #plan: Plan;
  readonly #contracts: ReadonlyMap<string, StepContract>;
  readonly #stepUse: ReadonlyMap<string, string>;
  readonly #outputShapes = new Map<string, Shape | undefined>();

  constructor(plan: Plan, contracts: ReadonlyMap<string, StepContract>) {
    this.#plan = plan;
    this.#contracts = contracts;
    this.#stepUse = new Map(plan.steps.map((step) => [step.id, step.use]));
  }

  problems(placed: PlacedReference): readonly PlanProblem[] {
    const { reference, path } = placed;
    switch (reference.root) {
      case 'input':
        return this.#inputProblems(placed);
      case 'state':
        return this.stateProblems(path, reference.name);
      case 'steps': {
        const { stepId } = reference;
        const use = this.#stepUse.get(stepId);
        if (use === undefined)
          return [unknownName({ path, what: 'step id', name: stepId, known: [...this.#stepUse.keys()] })];
        return this.outputProblems(use, placed, `steps.${stepId}.output`);
      }
      default:
        return [];
    }
  }

  stateProblems(path: string, name: string): readonly PlanProblem[] {
    if (Object.hasOwn(this.#plan.state, name)) return [];
    const known = Object.keys(this.#plan.state);
    const otherwise = "declare it under the plan's `state`";
    return [unknownName({ path, what: 'state key', name, known, otherwise })];
  }

  /** A reference into the output of a step, as far as its contract tells. */
  outputProblems(use: string, placed: PlacedReference, name: string): readonly PlanProblem[] {
    return followShape(this.#outputShape(use), placed, name, false);
  }

  /** Of what a reference to the input or to a step's output yields. Undefined: nothing is known of it. */
  shape(reference: Reference): Shape | undefined {
    if (reference.root === 'input') return shapeAt(this.#plan.input, reference.path);
    const use = reference.root === 'steps' ? this.#stepUse.get(reference.stepId) : undefined;
    return use === undefined ? undefined : shapeAt(this.#outputShape(use), reference.path);
  }

  #outputShape(use: string): Shape | undefined {
    if (!this.#outputShapes.has(use)) this.#outputShapes.set(use, shapeOf(this.#contracts.get(use)));
    return this.#outputShapes.get(use);
  }

  #inputProblems(placed: PlacedReference): readonly PlanProblem[] {
    const { reference, path } = placed;
    const schema = this.#plan.input;
    if (schema !== undefined || reference.path.length === 0) return followShape(schema, placed, 'input', true);
    return [
      {
        path,
        message: `${reference.text} leads nowhere`,
        found: 'a plan that declares no input',
        hint: 'declare it: input: { type: object, properties: { … } }',
      },
    ];
  }
}
