/**
 * Sealing a checkpoint of 10 KiB of new state into a store, read back, against the same bytes written as durably by
 * other means: a file replaced as a whole, or one committed row.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from '../../src/store/durable-file.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { seal } from '../../src/store/sealed/seal.ts';
import type { SealedStore } from '../../src/store/sealed/store.ts';
import { BenchPostgres } from '../bench-postgres.ts';
import type { Figure, FigureContext } from '../figure.ts';
import { median } from '../statistics.ts';
import { makeTemporaryDirectory, removeDirectory } from '../temporary-directory.ts';

/** Of state that compression can do little about. */
const STATE_BYTES = 10 * 1024;
const TURNS_A_ROUND = 50;
const ROUNDS = 11;

export const sealFolder: Figure = {
  name: 'seal-folder',
  what: 'sealing 10 KiB of new state into a folder, read back, against one atomic, fsynced file write of it',
  bound: 2,
  unit: '×',
  async measure(context) {
    const root = makeTemporaryDirectory();
    const beside = join(root, 'beside');
    mkdirSync(beside);
    const store = openStore(join(root, 'store'));
    try {
      return await compare(context, store, async (bytes, turn) => writeDurably(join(beside, String(turn)), bytes));
    } finally {
      await store.close();
      removeDirectory(root);
    }
  },
};

export const sealPostgres: Figure = {
  name: 'seal-postgres',
  what: 'sealing 10 KiB of new state into PostgreSQL, read back, against one committed row of it',
  bound: 2,
  unit: '×',
  async measure(context) {
    const postgres = await BenchPostgres.start();
    const store = openStore(postgres.url);
    try {
      await postgres.client.query('CREATE TABLE beside (turn integer PRIMARY KEY, bytes bytea)');
      const insert = { name: 'insert', text: 'INSERT INTO beside VALUES ($1, $2)' };
      return await compare(
        context,
        store,
        async (bytes, turn) => void (await postgres.client.query({ ...insert, values: [turn, bytes] })),
      );
    } finally {
      await store.close();
      await postgres.stop();
    }
  },
};

/** In turns, each first as often as the other. */
async function compare(
  { isQuick, say }: FigureContext,
  store: SealedStore,
  beside: (bytes: Buffer, turn: number) => Promise<void>,
): Promise<readonly number[]> {
  const ratios: number[] = [];
  let turn = 0;
  for (let round = 0; round < (isQuick ? 3 : ROUNDS); round++) {
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let count = 0; count < TURNS_A_ROUND; count++, turn++) {
      const document = { seq: turn, state: randomBytes((STATE_BYTES * 3) / 4).toString('base64') };
      const bytes = Buffer.from(document.state);
      const sealing = async (): Promise<void> =>
        await store.put('job', turn, seal({ kind: 'checkpoint', document, writer: 'bench' }));
      if (turn % 2 === 0) ours.push(await tookMs(sealing));
      theirs.push(await tookMs(async () => await beside(bytes, turn)));
      if (turn % 2 === 1) ours.push(await tookMs(sealing));
    }
    // The first one makes the store, and warms the code.
    if (round === 0) continue;
    say(`  round ${round}: sealed ${median(ours).toFixed(2)} ms, the bytes alone ${median(theirs).toFixed(2)} ms`);
    ratios.push(median(ours) / median(theirs));
  }
  return ratios;
}

async function tookMs(act: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await act();
  return performance.now() - startedMs;
}
