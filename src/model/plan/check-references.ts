/**
 * Does every reference of a plan lead somewhere, and stand where its kind may stand?
 */
import * as z from 'zod';
import type { Json } from '../canonical-json.ts';
import { joinPath, parseTemplate, type PathPart, type Reference, type ReferenceRoot } from './expression.ts';
import type { HoldfastError } from '../failure.ts';
import { nearestName, type PlanProblem } from './problem.ts';
import type { Plan } from './plan.ts';
import type { StepContract } from '../step/step.ts';

export interface CheckedReferences {
  readonly problems: readonly PlanProblem[];
  /** Step id → ids that it waits for, as far as the references can be read. */
  readonly waitsFor: ReadonlyMap<string, readonly string[]>;
}

interface Placed {
  readonly reference: Reference;
  readonly path: string;
}

const WHERE: Readonly<Record<ReferenceRoot, string>> = {
  input: 'in workspace, watch and with',
  state: 'in with',
  steps: 'in with',
  job: 'in watch and with',
  secrets: "in with, of steps whose work isn't recorded byte for byte",
  env: "only as a database's url: everything else of a plan is kept in history",
  output: "in a step's own state",
};

export function checkReferences(plan: Plan, contracts: ReadonlyMap<string, StepContract>): CheckedReferences {
  const problems: PlanProblem[] = [];
  const waitsFor = new Map<string, readonly string[]>();
  const leads = new Destinations(plan, contracts);

  check(plan.workspace, 'workspace', ['input']);
  check(plan.watch as Json, 'watch', ['input', 'job']);
  for (const [key, declared] of Object.entries(plan.state)) check(declared.initial ?? null, `state.${key}.initial`, []);
  plan.steps.forEach((step, index) => {
    const at = `steps[${index}]`;
    const placed = check(step.with, `${at}.with`, ['input', 'state', 'steps', 'job', 'secrets']);
    problems.push(
      ...placed.flatMap(({ reference, path }) =>
        reference.root === 'secrets' ? checkSecret(plan, step.use, reference.name, path) : [],
      ),
    );
    waitsFor.set(step.id, [
      ...new Set([
        ...step.needs,
        ...placed.flatMap(({ reference }) => (reference.root === 'steps' ? [reference.stepId] : [])),
      ]),
    ]);
    for (const { reference, path } of placed)
      if (reference.root === 'state') problems.push(...leads.stateBefore(reference, path, step.id));
    for (const [key, value] of Object.entries(step.state)) {
      if (!Object.hasOwn(plan.state, key))
        problems.push(
          unknownName(
            joinPath(`${at}.state`, key),
            'state key',
            key,
            Object.keys(plan.state),
            "declare it under the plan's `state`",
          ),
        );
      for (const { reference, path } of check(value, joinPath(`${at}.state`, key), ['output']))
        problems.push(...leads.output(step.use, reference, path, 'output'));
    }
    check([...step.reads], `${at}.reads`, []);
    check([...step.writes], `${at}.writes`, []);
  });
  problems.push(...leads.unwritten(waitsFor));
  return { problems, waitsFor };

  function check(value: Json, at: string, allowed: readonly ReferenceRoot[]): readonly Placed[] {
    const found = read(value, at, problems);
    return found.filter(({ reference, path }) => {
      if (!allowed.includes(reference.root)) {
        problems.push({
          path,
          message: `${reference.text} cannot be used here`,
          expected: allowed.length === 0 ? 'no references' : `references to ${allowed.join(', ')}`,
          hint: `${reference.root} can be used ${WHERE[reference.root]}`,
        });
        return false;
      }
      problems.push(...leads.problems(reference, path));
      return true;
    });
  }
}

/** What these steps do is recorded byte for byte, so that a secret would be refused when they run. */
const RECORDED_STEPS = /^(?:(?:file|db)\..*|wait)$/;

function checkSecret(plan: Plan, use: string, name: string, path: string): readonly PlanProblem[] {
  const declared = plan.secrets ?? [];
  if (!declared.includes(name))
    return [unknownName(path, 'secret', name, declared, `declare it: secrets: [${[...declared, name].join(', ')}]`)];
  if (!RECORDED_STEPS.test(use)) return [];
  return [
    {
      path,
      message: `a secret cannot be given to ${use}`,
      found: `\${{ secrets.${name} }}`,
      expected: 'a value that may be recorded',
      hint: 'what this step does is kept in the record; use the secret in a step of yours, by ctx.secret, where it is needed and goes no further',
    },
  ];
}

/** The references in a value; what cannot be read as one becomes a problem. */
function read(value: Json, path: string, problems: PlanProblem[]): readonly Placed[] {
  if (typeof value === 'string') {
    const parts = parseTemplate(value, (error) => problems.push(unreadable(error, path)));
    return parts.flatMap((part) => (typeof part === 'string' ? [] : [{ reference: part, path }]));
  }
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item: Json, index) => read(item, `${path}[${index}]`, problems));
  return Object.entries(value).flatMap(([key, member]) => {
    if (key.includes('${{'))
      problems.push({
        path: joinPath(path, key),
        message: 'a name holds a reference',
        expected: 'references in values only',
        hint: 'compute the object in a step and refer to its output',
      });
    return read(member as Json, joinPath(path, key), problems);
  });
}

function unreadable({ message, details }: HoldfastError, path: string): PlanProblem {
  const hint = details['hint'];
  return typeof hint === 'string' ? { path, message: message.slice(0, -hint.length - 1), hint } : { path, message };
}

interface Shape {
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, Shape>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly additionalProperties?: unknown;
  readonly items?: Shape | undefined;
  readonly default?: unknown;
}

/** Where references lead, looked up once. */
class Destinations {
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

function shapeOf(contract: StepContract | undefined): Shape | undefined {
  if (contract === undefined) return undefined;
  try {
    return z.toJSONSchema(contract.output, { unrepresentable: 'any' }) as Shape;
  } catch {
    // A schema without a JSON Schema is no fault of the plan: then nothing is known of its shape.
    return undefined;
  }
}

/** Follows a path as far as the shape is known. `strict`: a part that may be left out is a problem as well. */
function followShape(
  start: Shape | undefined,
  reference: Reference,
  at: string,
  startName: string,
  strict: boolean,
): readonly PlanProblem[] {
  let shape = start;
  let name = startName;
  for (const part of reference.path) {
    if (shape === undefined) return [];
    if (typeof part === 'number') {
      if (typeof shape.type === 'string' && shape.type !== 'array')
        return [wrongKind(at, reference, name, shape.type, part)];
      shape = shape.items;
    } else {
      if (typeof shape.type === 'string' && shape.type !== 'object')
        return [wrongKind(at, reference, name, shape.type, part)];
      const properties = shape.properties ?? {};
      if (Object.hasOwn(properties, part)) {
        const next: Shape = properties[part]!;
        if (strict && next.default === undefined && !(shape.required ?? []).includes(part)) {
          return [
            {
              path: at,
              message: `${reference.text} may be missing`,
              expected: 'an input that is required or has a default',
              hint: `list "${part}" under \`required\`, or give it a \`default\``,
            },
          ];
        }
        shape = next;
      } else if (
        shape.properties !== undefined &&
        (shape.additionalProperties === false || shape.additionalProperties === undefined)
      ) {
        return [unknownName(at, `member of ${name}`, part, Object.keys(properties), undefined)];
      } else {
        shape = typeof shape.additionalProperties === 'object' ? (shape.additionalProperties as Shape) : undefined;
      }
    }
    name = joinPath(name, part);
  }
  return [];
}

function wrongKind(path: string, reference: Reference, name: string, type: string, part: PathPart): PlanProblem {
  return {
    path,
    message: `${reference.text} leads nowhere`,
    expected: `${name} to be ${typeof part === 'number' ? 'a list' : 'an object'}`,
    found: `type ${type}`,
  };
}

function unknownName(
  path: string,
  what: string,
  name: string,
  known: readonly string[],
  otherwise: string | undefined,
): PlanProblem {
  const near = nearestName(name, known);
  const hint = [
    ...(near === undefined ? [] : [`did you mean "${near}"?`]),
    ...(otherwise === undefined ? [] : [near === undefined ? otherwise : `Else ${otherwise}`]),
  ].join(' ');
  return {
    path,
    message: `unknown ${what} "${name}"`,
    expected: known.length === 0 ? 'none is declared' : `one of ${known.join(', ')}`,
    ...(hint === '' ? {} : { hint }),
  };
}
