/** The steps that an agent needs beside its tools: a model's answer, and a person's. */
import * as z from 'zod';
import { JsonSchema } from '../model/json.ts';
import { defineStep } from '../model/step/step.ts';

/** `key`: which decision it tells of. */
const NoteSchema = z.strictObject({ key: z.string(), text: z.string() });
export type Note = z.infer<typeof NoteSchema>;

/** A model asked once: its answer is recorded before anybody has it. */
export const modelStep = defineStep({
  name: 'holdfast.model',
  input: z.strictObject({
    modelId: z.string(),
    /** As the AI SDK calls a language model, as plain JSON. */
    options: JsonSchema,
    /** What the model is told of people's decisions for the first time. */
    notes: z.array(NoteSchema),
  }),
  output: z.strictObject({ answer: JsonSchema, notes: z.array(NoteSchema) }),
});

/** What an approval shows of it. */
export const MAX_QUESTION_CHARACTERS = 2_000;

/** A person is asked: an approval, whose reason is the answer. */
export const askStep = defineStep({
  name: 'holdfast.ask',
  description:
    'Ask a person who knows the task, and wait for the answer. Ask only what you cannot find out yourself; one ' +
    'question at a time.',
  input: z.strictObject({ question: z.string().min(1).max(MAX_QUESTION_CHARACTERS) }),
  output: z.strictObject({}),
});
