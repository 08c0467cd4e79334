/** Where a plan's references lead: is there anything at the end of each path? */
import type { StepContract } from '../../step/step.ts';
import type { Plan, PlanStep } from '../plan.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { unknownName } from '../problem/unknown-name.ts';
import type { Reference } from '../reference/reference.ts';
import type { PlacedReference } from '../reference/references.ts';
import { followShape, shapeAt, shapeOf, type Shape } from './shape.ts';

type OutputOf = Pick<PlanStep, 'use' | 'forEach'>;

/** The places that references can lead to, looked up once. */
export class Destinations {
  readonly #plan: Plan;
  readonly #contracts: ReadonlyMap<string, StepContract>;
  readonly #steps: ReadonlyMap<string, PlanStep>;
  readonly #outputShapes = new Map<string, Shape | undefined>();

  constructor(plan: Plan, contracts: ReadonlyMap<string, StepContract>) {
    this.#plan = plan;
    this.#contracts = contracts;
    this.#steps = new Map(plan.steps.map((step) => [step.id, step]));
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
        const step = this.#steps.get(stepId);
        if (step === undefined)
          return [unknownName({ path, what: 'step id', name: stepId, known: [...this.#steps.keys()] })];
        return this.outputProblems(step, placed, `steps.${stepId}.output`);
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
  outputProblems(step: OutputOf, placed: PlacedReference, name: string): readonly PlanProblem[] {
    if (step.forEach?.outputs !== 'none') return followShape(this.#outputShape(step), placed, name, false);
    return [
      {
        path: placed.path,
        message: `${placed.reference.text} leads nowhere`,
        found: `${name} is null: its forEach says outputs: none`,
        hint: 'leave `outputs` out, or write what is needed to a file or to the state',
      },
    ];
  }

  /** Of what a reference to the input or to a step's output yields. Undefined: nothing is known of it. */
  shape(reference: Reference): Shape | undefined {
    if (reference.root === 'input') return shapeAt(this.#plan.input, reference.path);
    const step = reference.root === 'steps' ? this.#steps.get(reference.stepId) : undefined;
    return step === undefined ? undefined : shapeAt(this.#outputShape(step), reference.path);
  }

  #outputShape({ use, forEach }: OutputOf): Shape | undefined {
    if (!this.#outputShapes.has(use)) this.#outputShapes.set(use, shapeOf(this.#contracts.get(use)));
    const shape = this.#outputShapes.get(use);
    return forEach === undefined ? shape : { type: 'array', items: shape };
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
