/**
 * A value with its references replaced by what they refer to.
 *
 * Invariants
 * 1. A string that is one reference and nothing else keeps the value's type; inside longer text only strings, numbers
 *    and booleans can stand.
 * 2. What a reference yields is never read again for references: data cannot inject any.
 * 3. Nothing is missing silently: a reference without a value is an error that says what there is.
 * 4. A secret's value is never here: its places are listed beside the input, and only the plan can name them.
 */
import type { Json } from '../../canonical-json.ts';
import { HoldfastError } from '../../failure.ts';
import { isList } from '../../list.ts';
import type { PlacedSecret } from '../../step/secret.ts';
import { describe, follow, missing, notHere } from './follow.ts';
import type { PathPart, Reference, Scope } from './reference.ts';
import { parseTemplate } from './template.ts';

/**
 * The value with every reference replaced. Keys of objects are taken as they are. Pure.
 * @throws HoldfastError `bad-input` (`missing-variable` for `env`) naming the reference and what exists instead
 */
export function resolve(value: Json, scope: Scope): Json {
  if (typeof value === 'string') return resolveText(value, scope);
  if (isList(value)) return value.map((item) => resolve(item, scope));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, resolve(member, scope)]));
  }
  return value;
}

export interface ResolvedInput {
  /** Where a secret belongs its reference stands, for people: `Bearer ${{ secrets.TOKEN }}`. */
  readonly input: Json;
  readonly secrets: readonly PlacedSecret[];
}

/**
 * A step's input with every reference replaced but those to secrets, and the places of those. What another reference
 * yields can't name a secret, whatever text it holds. Pure.
 * @throws HoldfastError as `resolve`
 */
export function resolveInput(value: Json, scope: Scope): ResolvedInput {
  const secrets: PlacedSecret[] = [];
  const walk = (part: Json, at: readonly PathPart[]): Json => {
    if (isList(part)) return part.map((item, index) => walk(item, [...at, index]));
    if (typeof part === 'object' && part !== null)
      return Object.fromEntries(Object.entries(part).map(([key, member]) => [key, walk(member, [...at, key])]));
    if (typeof part !== 'string') return part;
    const pieces = parseTemplate(part);
    if (!pieces.some((piece) => typeof piece !== 'string' && piece.root === 'secrets')) return resolveText(part, scope);
    const parts = pieces.map((piece) => {
      if (typeof piece === 'string') return piece;
      return piece.root === 'secrets' ? { secret: piece.name } : textOf(piece, scope);
    });
    secrets.push({ at: [...at], parts });
    return parts.map((piece) => (typeof piece === 'string' ? piece : `\${{ secrets.${piece.secret} }}`)).join('');
  };
  return { input: walk(value, []), secrets };
}

function resolveText(text: string, scope: Scope): Json {
  const parts = parseTemplate(text);
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && typeof only !== 'string') return valueOf(only, scope);
  return parts.map((part) => (typeof part === 'string' ? part : textOf(part, scope))).join('');
}

function textOf(reference: Reference, scope: Scope): string {
  const value = valueOf(reference, scope);
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const hint =
    reference.root === 'steps' && scope.skipped?.has(reference.stepId) === true
      ? `Step "${reference.stepId}" was skipped: its output is null, which can only stand alone.`
      : 'Text can take strings, numbers and booleans; use the reference alone to pass the value whole.';
  throw new HoldfastError(
    'bad-input',
    `${reference.text} stands inside longer text but is ${describe(value)}. ${hint}`,
    {
      reference: reference.text,
    },
  );
}

function valueOf(reference: Reference, scope: Scope): Json {
  switch (reference.root) {
    case 'job':
      if (scope.job === undefined) throw notHere(reference, scope);
      return scope.job.id;
    case 'env':
      if (scope.env === undefined) throw notHere(reference, scope);
      return variable(reference.name, reference.text, scope.env);
    // Only `resolveInput` takes one.
    case 'secrets':
      throw notHere(reference, scope);
    case 'steps': {
      if (scope.steps === undefined) throw notHere(reference, scope);
      if (scope.skipped?.has(reference.stepId) === true) return null;
      const output = scope.steps.get(reference.stepId);
      if (output === undefined) throw missing(reference, 'steps', [...scope.steps.keys()], reference.stepId);
      return follow(output, reference, `steps.${reference.stepId}.output`);
    }
    case 'state': {
      if (scope.state === undefined) throw notHere(reference, scope);
      if (!Object.hasOwn(scope.state, reference.name))
        throw missing(reference, 'state', Object.keys(scope.state), reference.name);
      return follow(scope.state[reference.name]!, reference, `state.${reference.name}`);
    }
    case 'index':
    case 'round': {
      const number = scope[reference.root];
      if (number === undefined) throw notHere(reference, scope);
      return number;
    }
    case 'previous':
      if (scope.previous === undefined) throw notHere(reference, scope);
      return scope.round === 1 ? null : follow(scope.previous, reference, reference.root);
    case 'input':
    case 'item':
    case 'output': {
      const value = scope[reference.root];
      if (value === undefined) throw notHere(reference, scope);
      return follow(value, reference, reference.root);
    }
  }
}

function variable(name: string, referenceText: string, env: NonNullable<Scope['env']>): string {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value !== undefined && value !== '') return value;
  const found = value === undefined ? 'not set' : 'empty';
  throw new HoldfastError(
    'missing-variable',
    `The environment variable ${name} is ${found}; the plan refers to it as ${referenceText}.`,
    { variable: name },
  );
}
