/** The code of the built-in steps that write, copy and remove files. */
import { createHash } from 'node:crypto';
import { defined } from '../model/defined.ts';
import { fileCopyStep, fileRemoveStep, fileWriteStep } from '../model/step/built-in/file.ts';
import { implementStep } from '../model/step/step.ts';
import { refuseBackslash } from '../model/step/workspace-path.ts';

export const fileWrite = implementStep(fileWriteStep, async (ctx, { path, content, encoding, mode, hardLinks }) => {
  refuseBackslash(path);
  const permissions = mode === undefined ? undefined : Number.parseInt(mode, 8);
  await ctx.files.write(path, content, defined({ mode: permissions, encoding, hardLinks }));
  // What is staged: the text in its encoding.
  const bytes = await ctx.files.read(path);
  return { path, sizeBytes: bytes.length, digest: createHash('sha256').update(bytes).digest('hex') };
});

export const fileCopy = implementStep(fileCopyStep, async (ctx, { from, to, hardLinks }) => {
  refuseBackslash(from, to);
  const tally = { sizeBytes: 0, hash: createHash('sha256') };
  await ctx.files.write(to, counted(ctx.files.stream(from), tally), defined({ hardLinks }));
  return { path: to, sizeBytes: tally.sizeBytes, digest: tally.hash.digest('hex') };
});

export const fileRemove = implementStep(fileRemoveStep, async (ctx, { path }) => {
  refuseBackslash(path);
  const existed = await ctx.files.exists(path);
  await ctx.files.remove(path);
  return { path, existed };
});

async function* counted(
  content: AsyncIterable<Uint8Array>,
  tally: { sizeBytes: number; hash: ReturnType<typeof createHash> },
): AsyncIterable<Uint8Array> {
  for await (const chunk of content) {
    tally.sizeBytes += chunk.length;
    tally.hash.update(chunk);
    yield chunk;
  }
}
