/**
 * A contract as a tool that a model can be given: name, description and the JSON Schema of its input. Pure; safe to
 * call in a Workflow.
 */
import * as z from 'zod';
import type { Json, JsonObject } from '../canonical-json.ts';
import { defined } from '../defined.ts';
import { HoldfastError } from '../failure.ts';
import { refuseUnknownOptions } from '../options.ts';
import type { StepContract } from './step.ts';

/** What OpenAI, Anthropic and those who speak like them take. */
const TOOL_NAME = /^[A-Za-z][\w-]{0,63}$/;

/** A step as tool definitions of models' makers have it. */
export interface ToolSchema {
  /** A letter, then letters, digits, `_ -`; 64 characters at most. */
  readonly name: string;
  /** What the model is told of it. */
  readonly description?: string;
  /** JSON Schema, draft 7, of what the model fills in. OpenAI calls it `parameters`, Anthropic `input_schema`. */
  readonly inputSchema: JsonObject;
}

/** How a step is told to a model. */
export interface ToolSchemaOptions {
  /** Default: the contract's name, with `_` for each dot. */
  readonly name?: string;
  /** Default: the contract's. */
  readonly description?: string;
  /** Fields that your code fills in: the model is not told of them. Default: none. */
  readonly without?: readonly string[];
}

/**
 * What a model is told of a contract, with or without the AI SDK. Pure.
 * @throws HoldfastError `bad-input`: a name that models do not take, an input that is no object or that JSON Schema has
 *   no words for, an unknown field among `without`
 */
export function toolSchema(contract: StepContract, options: ToolSchemaOptions = {}): ToolSchema {
  refuseUnknownOptions('toolSchema', options, { name: true, description: true, without: true });
  const { name = contract.name.replaceAll('.', '_'), description = contract.description, without = [] } = options;
  if (!TOOL_NAME.test(name))
    throw new HoldfastError(
      'bad-input',
      `"${name}" cannot be a tool's name: expected a letter, then letters, digits, _ -, at most 64 in all.`,
      { nextStep: 'Give toolSchema a { name }.' },
    );
  return { name, ...defined({ description }), inputSchema: withoutFields(contract, without) };
}

function withoutFields(contract: StepContract, without: readonly string[]): JsonObject {
  const schema = jsonSchemaOf(contract);
  const properties = schema['properties'] as JsonObject | undefined;
  if (schema['type'] !== 'object' || properties === undefined)
    throw unusable(contract, `expected an object with named fields, found ${JSON.stringify(schema).slice(0, 200)}`);
  const unknown = without.find((field) => !Object.hasOwn(properties, field));
  if (unknown !== undefined)
    throw unusable(contract, `it has no field ${unknown}, only ${Object.keys(properties).join(', ')}`);
  const isTold = (field: string): boolean => !without.includes(field);
  const required = ((schema['required'] as readonly string[] | undefined) ?? []).filter(isTold);
  return {
    ...schema,
    properties: Object.fromEntries(Object.entries(properties).filter(([field]) => isTold(field))),
    required,
    additionalProperties: schema['additionalProperties'] ?? false,
  };
}

function jsonSchemaOf(contract: StepContract): JsonObject {
  try {
    const schema: unknown = z.toJSONSchema(contract.input, { target: 'draft-7', io: 'input', reused: 'inline' });
    return JSON.parse(JSON.stringify({ ...(schema as object), $schema: undefined })) as Record<string, Json>;
  } catch (error) {
    throw unusable(contract, (error as Error).message);
  }
}

function unusable({ name }: StepContract, why: string): HoldfastError {
  return new HoldfastError('bad-input', `The input of ${name} cannot be a tool's: ${why}.`, {
    nextStep: 'Give the contract an object whose fields JSON Schema knows (no dates, bigints, transforms, maps).',
  });
}
