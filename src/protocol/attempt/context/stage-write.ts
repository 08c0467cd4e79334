/**
 * How a step stages a file. The record has a file byte for byte: no byte is stored before it is seen to hold no secret.
 */
import type { Digest } from '../../../model/digest.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { refuseUnknownOptions, type OptionNames } from '../../../model/options.ts';
import type { Attempt } from '../attempt.ts';
import { encoded } from './text.ts';
import type { FileContent, TextEncoding, WriteOptions } from '../../../model/step/step-files.ts';

const WRITE_OPTIONS: OptionNames<WriteOptions> = { mode: true, encoding: true, hardLinks: true };

/** @throws HoldfastError `bad-input`, `secret-in-output`, `storage-failed` */
export async function stageWrite(
  attempt: Attempt,
  given: string,
  content: FileContent,
  options: WriteOptions,
): Promise<void> {
  refuseUnknownOptions('ctx.files.write', options, WRITE_OPTIONS);
  const { mode, encoding = 'utf-8', hardLinks = 'refuse' } = options;
  const { workspace, stage, signal } = attempt;
  const path = workspace.files.normalise(given);
  signal.throwIfAborted();
  const stored = await storedContent(attempt, path, content, encoding);
  const splits = hardLinks === 'split';
  stage.files.set(path, { kind: 'write', path, content: stored.content, sizeBytes: stored.sizeBytes, mode, splits });
}

/** Code without types may give anything. @throws HoldfastError `bad-input` */
function mustBeContent(given: unknown, path: string): void {
  const isStream = typeof given === 'object' && given !== null && Symbol.asyncIterator in given;
  if (typeof given === 'string' || given instanceof Uint8Array || isStream) return;
  throw new HoldfastError(
    'bad-input',
    `ctx.files.write("${path}") was given ${given === null ? 'null' : `a ${typeof given}`} where content belongs. ` +
      'Expected text, bytes (Uint8Array) or a stream of bytes; JSON.stringify makes text of a value.',
    { path },
  );
}

/** In memory until the seal where it is small, else in a blob. */
async function storedContent(
  { workspace: { blobs, secrets }, stage }: Attempt,
  path: string,
  given: FileContent,
  encoding: TextEncoding,
): Promise<{ readonly content: Digest; readonly sizeBytes: number }> {
  const where = `the file ${path}`;
  if (!secrets.isEmpty) secrets.refuse(path, 'the name of a file');
  // As text: in other encodings a secret is not found.
  if (typeof given === 'string') secrets.refuse(given, where);
  mustBeContent(given, path);
  const content = encoded(given, encoding, path);
  const isWhole = typeof content === 'string' || content instanceof Uint8Array;
  if (!isWhole) return await blobs.put(secrets.isEmpty ? content : secrets.refusing(content, where));
  secrets.refuse(content, where);
  return stage.contents.store(content) ?? (await blobs.put(content));
}
