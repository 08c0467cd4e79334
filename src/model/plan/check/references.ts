/** Does every reference of a plan lead somewhere, and stand where its kind may stand? */
import type { Json } from '../../canonical-json.ts';
import type { Plan, PlanStep } from '../plan.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { joinPath, type ReferenceRoot } from '../reference/reference.ts';
import { readReferences, type PlacedReference } from '../reference/references.ts';
import type { Destinations } from './destination.ts';
import { checkSecret } from './secret.ts';
import { checkStateReads, type StateRead } from './state-reads.ts';

export interface CheckedReferences {
  readonly problems: readonly PlanProblem[];
  /** Step id → ids that it waits for, as far as the references can be read. */
  readonly waitsFor: ReadonlyMap<string, readonly string[]>;
}

const WHERE: Readonly<Record<ReferenceRoot, string>> = {
  input: 'in workspace, watch, with, when and until',
  state: 'in with, when and until',
  steps: 'in with, when and until',
  job: 'in watch, with, when and until',
  item: 'in with, of a step with forEach',
  index: 'in with, of a step with forEach',
  round: 'in with and until, of a step with until',
  previous: 'in with, of a step with until',
  secrets: "in with, of steps whose work isn't recorded byte for byte",
  env: "only as a database's url: everything else of a plan is kept in history",
  output: "in a step's own state and until",
};

export function checkReferences(plan: Plan, destinations: Destinations): CheckedReferences {
  return new ReferenceCheck(plan, destinations).run();
}

class ReferenceCheck {
  readonly #plan: Plan;
  readonly #destinations: Destinations;
  readonly #problems: PlanProblem[] = [];
  readonly #waitsFor = new Map<string, readonly string[]>();
  readonly #stateReads: StateRead[] = [];

  constructor(plan: Plan, destinations: Destinations) {
    this.#plan = plan;
    this.#destinations = destinations;
  }

  run(): CheckedReferences {
    const { workspace, watch, state, steps } = this.#plan;
    this.#check(workspace, 'workspace', ['input']);
    this.#check(watch as Json, 'watch', ['input', 'job']);
    for (const [key, { initial = null }] of Object.entries(state)) this.#check(initial, `state.${key}.initial`, []);
    for (const [index, step] of steps.entries()) this.#checkStep(step, `steps[${index}]`);
    this.#problems.push(...checkStateReads(this.#plan, this.#stateReads, this.#waitsFor));
    return { problems: this.#problems, waitsFor: this.#waitsFor };
  }

  #checkStep(step: PlanStep, at: string): void {
    const ofItem: readonly ReferenceRoot[] = step.forEach === undefined ? [] : ['item', 'index'];
    const ofRound: readonly ReferenceRoot[] = step.until === undefined ? [] : ['round', 'previous'];
    const roots = ['input', 'state', 'steps', 'job', 'secrets', ...ofItem, ...ofRound] as const;
    const items = this.#check(step.forEach?.items ?? [], `${at}.forEach.items`, ['input', 'state', 'steps']);
    const given = this.#check(step.with, `${at}.with`, roots);
    const folder = this.#check(step.workspace ?? [], `${at}.workspace`, [
      'input',
      'state',
      'steps',
      ...ofItem,
      ...ofRound,
    ]);
    const placed = [...items, ...given, ...folder, ...this.#checkConditions(step, at)];
    for (const one of given)
      if (one.reference.root === 'previous')
        this.#problems.push(...this.#destinations.outputProblems(step, one, 'previous'));
    const waitsFor = new Set(step.needs);
    for (const { reference, path } of placed) {
      if (reference.root === 'secrets') this.#problems.push(...checkSecret(this.#plan, step, reference.name, path));
      if (reference.root === 'steps') waitsFor.add(reference.stepId);
      if (reference.root === 'state')
        this.#stateReads.push({ key: reference.name, path, stepId: step.id, text: reference.text });
    }
    this.#waitsFor.set(step.id, [...waitsFor]);
    for (const [key, value] of Object.entries(step.state)) {
      const path = joinPath(`${at}.state`, key);
      this.#problems.push(...this.#destinations.stateProblems(path, key));
      for (const one of this.#check(value, path, ['output']))
        this.#problems.push(...this.#destinations.outputProblems(step, one, 'output'));
    }
    this.#check([...step.reads], `${at}.reads`, []);
    this.#check([...step.writes], `${at}.writes`, []);
  }

  /** Returns what the step depends on by them: a round's own output and state are there when `until` is looked at. */
  #checkConditions(step: PlanStep, at: string): readonly PlacedReference[] {
    const { when = [], until = [] } = step;
    const ofWhen = this.#check(when as Json, `${at}.when`, ['input', 'state', 'steps', 'job']);
    const roots = ['input', 'state', 'steps', 'job', 'output', 'round'] as const;
    const ofUntil = this.#check(until as Json, `${at}.until`, roots);
    for (const one of ofUntil)
      if (one.reference.root === 'output')
        this.#problems.push(...this.#destinations.outputProblems(step, one, 'output'));
    const isOwn = ({ reference }: PlacedReference): boolean =>
      reference.root === 'state' && Object.hasOwn(step.state, reference.name);
    return [...ofWhen, ...ofUntil.filter((one) => !isOwn(one))];
  }

  /** Returns the references that may stand here. */
  #check(value: Json, at: string, allowed: readonly ReferenceRoot[]): readonly PlacedReference[] {
    return readReferences(value, at, this.#problems).filter((placed) => {
      const isAllowed = allowed.includes(placed.reference.root);
      this.#problems.push(...(isAllowed ? this.#destinations.problems(placed) : [misplaced(placed, allowed)]));
      return isAllowed;
    });
  }
}

function misplaced({ reference, path }: PlacedReference, allowed: readonly ReferenceRoot[]): PlanProblem {
  return {
    path,
    message: `${reference.text} cannot be used here`,
    expected: allowed.length === 0 ? 'no references' : `references to ${allowed.join(', ')}`,
    hint: `${reference.root} can be used ${WHERE[reference.root]}`,
  };
}
