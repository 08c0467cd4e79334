/**
 * The part of JSON Schema that a plan may use for its input and its state.
 *
 * Invariants
 * 1. A keyword outside the part is refused, never ignored: a constraint that nobody checks is worse than none.
 * 2. An object that lists `properties` accepts no others unless `additionalProperties` says so. This is the one
 *    difference from JSON Schema; it catches misspelt fields.
 */
import * as z from 'zod';
import type { Json } from '../canonical-json.ts';
import { defined } from '../defined.ts';

const TYPES = ['string', 'number', 'integer', 'boolean', 'null', 'array', 'object'] as const;

export interface JsonSchema {
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly default?: Json | undefined;
  readonly examples?: readonly Json[] | undefined;
  readonly type?: (typeof TYPES)[number] | undefined;
  readonly enum?: readonly (string | number | boolean | null)[] | undefined;
  readonly const?: string | number | boolean | null | undefined;
  readonly anyOf?: readonly JsonSchema[] | undefined;
  readonly properties?: Readonly<Record<string, JsonSchema>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly additionalProperties?: boolean | JsonSchema | undefined;
  readonly items?: JsonSchema | undefined;
  readonly minItems?: number | undefined;
  readonly maxItems?: number | undefined;
  readonly minLength?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly pattern?: string | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
}

const JsonValueSchema = z.json() as z.ZodType<Json>;
const ScalarSchema = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const CountSchema = z.int().min(0);

/** Which keywords mean something for which type. */
const KEYWORDS_OF_TYPE: Readonly<Record<string, readonly string[]>> = {
  object: ['properties', 'required', 'additionalProperties'],
  array: ['items', 'minItems', 'maxItems'],
  string: ['minLength', 'maxLength', 'pattern'],
  number: ['minimum', 'maximum'],
  integer: ['minimum', 'maximum'],
};
const TYPED_KEYWORDS = [...new Set(Object.values(KEYWORDS_OF_TYPE).flat())];

export const JsonSchemaSchema: z.ZodType<JsonSchema> = z
  .strictObject({
    title: z.string().optional(),
    description: z.string().optional(),
    default: JsonValueSchema.optional().describe('Used when the value is left out.'),
    examples: z.array(JsonValueSchema).optional(),
    type: z.enum(TYPES).optional(),
    enum: z.array(ScalarSchema).min(1).optional(),
    const: ScalarSchema.optional(),
    get anyOf() {
      return z.array(JsonSchemaSchema).min(1).optional();
    },
    get properties() {
      return z.record(z.string(), JsonSchemaSchema).optional();
    },
    required: z.array(z.string()).optional(),
    get additionalProperties() {
      return z
        .union([z.boolean(), JsonSchemaSchema])
        .optional()
        .describe('Default: false where `properties` are listed, else true.');
    },
    get items() {
      return JsonSchemaSchema.optional();
    },
    minItems: CountSchema.optional(),
    maxItems: CountSchema.optional(),
    minLength: CountSchema.optional(),
    maxLength: CountSchema.optional(),
    pattern: z.string().max(1000).optional().describe('A JavaScript regular expression, not anchored.'),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
  })
  .superRefine((schema, context) => {
    const typed = TYPED_KEYWORDS.filter((keyword) => Object.hasOwn(schema, keyword));
    const allowed = schema.type === undefined ? [] : (KEYWORDS_OF_TYPE[schema.type] ?? []);
    for (const keyword of typed.filter((one) => !allowed.includes(one))) {
      const types = Object.entries(KEYWORDS_OF_TYPE).flatMap(([type, keywords]) =>
        keywords.includes(keyword) ? [type] : [],
      );
      const subject = schema.type === undefined ? 'a value without a type' : `the type ${schema.type}`;
      problem(keyword, `"${keyword}" says nothing about ${subject}`, `type: ${types.join(' or ')}`);
    }
    if (
      schema.type === undefined &&
      schema.enum === undefined &&
      schema.const === undefined &&
      schema.anyOf === undefined
    ) {
      problem('type', 'is missing', `type (${TYPES.join(', ')}), enum, const or anyOf`);
    }
    for (const name of schema.required ?? []) {
      if (schema.properties !== undefined && !Object.hasOwn(schema.properties, name))
        problem(
          'required',
          `names "${name}", which is not among the properties`,
          Object.keys(schema.properties).join(', '),
        );
    }
    if (schema.pattern !== undefined && !isPattern(schema.pattern))
      problem('pattern', 'is not a regular expression', 'a JavaScript regular expression');

    function problem(key: string, message: string, expected: string): void {
      context.addIssue({ code: 'custom', path: [key], message, params: { expected } });
    }
  })
  .meta({ id: 'JsonSchema', description: 'The part of JSON Schema that plans use.' });

/**
 * A checker for values. Interpretive: needs no code generation, works in a Workflow. The schema must be checked
 * already.
 */
export function validatorOf(schema: JsonSchema): z.ZodType<Json> {
  // A registry of its own: by default the conversion notes every schema in a global one.
  return z.fromJSONSchema(closed(schema) as Parameters<typeof z.fromJSONSchema>[0], {
    registry: z.registry(),
  }) as z.ZodType<Json>;
}

/** Every object that lists `properties` accepts no others, unless `additionalProperties` says so. */
function closed(schema: JsonSchema): JsonSchema {
  const { properties, items, anyOf, additionalProperties } = schema;
  return {
    ...schema,
    ...defined({
      properties:
        properties && Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, closed(one)])),
      items: items && closed(items),
      anyOf: anyOf?.map(closed),
      additionalProperties: additionalPropertiesOf(properties !== undefined, additionalProperties),
    }),
  };
}

function additionalPropertiesOf(
  listsProperties: boolean,
  stated: JsonSchema['additionalProperties'],
): JsonSchema['additionalProperties'] {
  if (typeof stated === 'object') return closed(stated);
  return stated ?? (listsProperties ? false : undefined);
}

function isPattern(pattern: string): boolean {
  try {
    new RegExp(pattern, 'u');
    return true;
  } catch {
    return false;
  }
}
