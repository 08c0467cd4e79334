/**
 * A process that puts a document into a folder, and may kill itself, be without privileges, or have its calls fail. Its
 * one argument is a JSON order; it prints what came of it.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { HoldfastError, isFailure } from '../../../src/model/failure.ts';
import { setFaultHook } from '../../../src/store/fault-point.ts';
import { DirectoryStore } from '../../../src/store/sealed/directory/store.ts';
import { openStore } from '../../../src/store/sealed/open-store.ts';
import { aDocument } from '../../support/sealed-store-suite.ts';
import { killingHook, type Killing } from '../../support/killing.ts';

/** `nobody` on the usual systems. */
const UNPRIVILEGED = 65_534;

export interface SealedOrder extends Killing {
  /** Or, of a race, any store. */
  readonly folder: string;
  readonly act: 'put' | 'set-aside' | 'put-blob' | 'get' | 'failing-puts' | 'race';
  /** Of the document and of the content. */
  readonly text: string;
  readonly isUnprivileged?: boolean;
  /** Of `failing-puts`: the call of which one after the other fails, and its error. */
  readonly call?: string;
  readonly errno?: number;
  /** Of a race: a folder in which so many racers wait for each other, and how many generations there are. */
  readonly meeting?: string;
  readonly racers?: number;
  readonly generations?: number;
}

export type SealedEnd =
  | {
      readonly done: true;
      readonly failed?: number;
      readonly wrong?: readonly string[];
      readonly won?: readonly number[];
    }
  | { readonly type: string; readonly message: string; readonly nextStep: string };

type Race = Pick<SealedOrder, 'meeting' | 'racers' | 'generations'>;

const MAX_TRIES = 3;

async function* only(text: string): AsyncGenerator<Buffer, void, undefined> {
  yield Buffer.from(text);
}

async function act({ folder, act: what, text, ...order }: SealedOrder): Promise<SealedEnd> {
  const store = new DirectoryStore(folder);
  if (what === 'put') await store.put('job', 1, aDocument(text));
  if (what === 'set-aside') await store.setAside('job', 1, 'It is damaged.');
  if (what === 'put-blob') await store.putBlob(only(text));
  if (what === 'get') await store.get('job', 1);
  if (what === 'race') return await race(folder, text, order);
  if (what === 'failing-puts') return await failingPuts(folder, text, order);
  return { done: true };
}

/** Puts one generation after the other, with others that do the same. */
async function race(location: string, text: string, { meeting, racers, generations }: Race): Promise<SealedEnd> {
  const store = openStore(location);
  const won: number[] = [];
  writeFileSync(join(meeting!, text), '');
  while (readdirSync(meeting!).length < racers!) await setTimeout(2);
  for (let generation = 0; generation < generations!; generation++)
    try {
      await store.put('job', generation, aDocument(text, text));
      won.push(generation);
    } catch (error) {
      if (!isFailure(error, 'checkpoint-taken')) throw error;
    }
  await store.close();
  return { done: true, won };
}

/** Puts again and again, each time into a folder of its own and with another call failing, until none fails. */
async function failingPuts(
  folder: string,
  text: string,
  order: Pick<SealedOrder, 'call' | 'errno'>,
): Promise<SealedEnd> {
  const wrong: string[] = [];
  const wanted = aDocument(text);
  for (let place = 1; ; place++) {
    const own = join(folder, `${order.call}-${place}`);
    const told = `${own}-told`;
    const store = new DirectoryStore(own);
    process.env['HOLDFAST_IO_ROOT'] = own;
    process.env['HOLDFAST_IO_FAIL'] = `${order.call} ${place} ${order.errno} ${told}`;
    let isPut = false;
    for (let attempt = 1; attempt <= MAX_TRIES && !isPut; attempt++)
      try {
        await store.put('job', 1, wanted);
        await store.putBlob(only(text));
        isPut = true;
      } catch (error) {
        const isKnown = error instanceof HoldfastError && (error.retryable || error.type === 'permission-denied');
        if (!isKnown) wrong.push(`${order.call} ${place}: ${String(error)}`);
        const path = join(own, 'job/0000000001.sealed');
        if (existsSync(path) && !readFileSync(path).equals(wanted)) wrong.push(`${order.call} ${place}: half of it`);
      }
    process.env['HOLDFAST_IO_FAIL'] = '';
    if (!isPut || (await store.get('job', 1))?.equals(wanted) !== true) wrong.push(`${order.call} ${place}: not there`);
    if (!existsSync(told)) return { done: true, failed: place - 1, wrong };
  }
}

const order = JSON.parse(process.argv[2]!) as SealedOrder;
// Dropped here and not at the start: the checkout may lie where only root may read.
if (order.isUnprivileged === true && process.getuid?.() === 0) {
  process.setgroups?.([]);
  process.setgid?.(UNPRIVILEGED);
  process.setuid?.(UNPRIVILEGED);
}
setFaultHook(killingHook(order));
let end: SealedEnd;
try {
  end = await act(order);
} catch (error) {
  if (!(error instanceof HoldfastError)) throw error;
  end = { type: error.type, message: error.message, nextStep: error.nextStep };
}
process.stdout.write(JSON.stringify(end));
