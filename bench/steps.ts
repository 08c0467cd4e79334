/** The code of the benchmark's steps. */
import { appendFileSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { implementStep, type StepImplementation } from '../src/model/step/step.ts';
import { noteStep, streamStep, waitToBeKilledStep } from './contracts.ts';
import { contentOf, textOf } from './workspace.ts';

const CHUNK_BYTES = 1024 * 1024;

async function* chunksOf(sizeBytes: number): AsyncGenerator<Uint8Array> {
  const chunk = Buffer.alloc(CHUNK_BYTES, 'holdfast ');
  for (let sent = 0; sent < sizeBytes; sent += chunk.byteLength) {
    chunk.writeDoubleBE(sent, 0);
    yield await Promise.resolve(chunk.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - sent)));
  }
}

export const benchSteps = [
  implementStep(noteStep, async (ctx, { index, place }) => {
    await ctx.files.write(`note-${place ?? index}.txt`, contentOf(index));
    if (place === undefined) await ctx.db('main').insert('note', { id: index, text: textOf(index) });
    else await ctx.db('main').upsert('note', { id: place, text: textOf(index) });
    return { index };
  }),
  implementStep(streamStep, async (ctx, { sizeBytes }) => {
    await ctx.files.write(`stream-${sizeBytes}.bin`, chunksOf(sizeBytes));
    return {};
  }),
  implementStep(waitToBeKilledStep, async (ctx, { journal }) => {
    appendFileSync(journal, `${Date.now()}\n`);
    if (readFileSync(journal, 'utf8').trim().split('\n').length === 1)
      await delay(60_000, undefined, { signal: ctx.signal });
    return {};
  }),
] as unknown as readonly StepImplementation[];
