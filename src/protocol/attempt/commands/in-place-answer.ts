/** The answer of a command in place: its own, or what a person said of it. */
import type { Json } from '../../../model/canonical-json.ts';
import { HoldfastError } from '../../../model/failure.ts';
import {
  InPlaceAnswerSchema,
  ToldExitSchema,
  type CommandResult,
  type InPlaceAnswer,
} from '../../../model/step/command-result.ts';

/** The digest of no bytes: what a person says of a command has no log. */
const NO_CONTENT = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** @throws HoldfastError `bad-input` */
export function inPlaceAnswer(answer: Json): InPlaceAnswer {
  const recorded = InPlaceAnswerSchema.safeParse(answer);
  if (recorded.success) return recorded.data;
  const told = ToldExitSchema.safeParse(answer);
  if (!told.success)
    throw new HoldfastError(
      'bad-input',
      `A person said that the command happened, and gave ${JSON.stringify(answer).slice(0, 200)} as its answer. ` +
        'Expected {"exitCode": 0}, or null.',
    );
  const result: CommandResult = {
    exitCode: told.data?.exitCode ?? 0,
    stdout: '',
    stderr: '',
    droppedBytes: 0,
    log: { content: NO_CONTENT, sizeBytes: 0, droppedBytes: 0 },
    changed: { written: 0, removed: 0, folders: 0, links: 0 },
  };
  return { inPlace: true, result, found: [] };
}
