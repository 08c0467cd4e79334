/**
 * The process of one peer's app: the one that is killed.
 *
 * Invariant: it ends with the one who started it, however that came.
 */
import { mkdirSync } from 'node:fs';
import { fromPackages } from '../from-packages.ts';
import type { Answered, Asked, KillPeer, KillPeerModule } from './peer.ts';
import { makeWork, STEPS, type Work } from './work.ts';

process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(1));
// A peer's own promise that nobody awaits must not look like a kill.
process.on('unhandledRejection', (error) => process.stderr.write(`${wordsOf(error)}\n`));

let opened: { readonly peer: KillPeer; readonly work: Work } | undefined;

process.on('message', (message: Asked) => {
  answer(message).then(
    (value) => process.send?.({ id: message.id, value } satisfies Answered),
    (error: unknown) => process.send?.({ id: message.id, problem: wordsOf(error) } satisfies Answered),
  );
});

async function answer(message: Asked): Promise<unknown> {
  if (message.ask === 'open') {
    const { module, place } = message;
    fromPackages(place.packages);
    const { open } = (await import(new URL(`../${module}`, import.meta.url).href)) as KillPeerModule;
    const work = makeWork(place);
    opened = { work, peer: await open(place, work) };
    return opened.peer.versions;
  }
  const { peer, work } = opened!;
  const { job } = message;
  switch (message.ask) {
    case 'start':
      mkdirSync(work.folderOf(job), { recursive: true });
      return await peer.start(job);
    case 'resume':
      await peer.resume?.(job);
      return peer.resume !== undefined;
    case 'outcome':
      return await peer.outcome(job);
    case 'sees':
      return await peer.sees(job);
    case 'goOn':
      await peer.goOn?.(job);
      return peer.goOn !== undefined;
    case 'measure':
      return await measure(peer, work, job);
  }
}

async function measure(peer: KillPeer, work: Work, job: string): Promise<number> {
  mkdirSync(work.folderOf(job), { recursive: true });
  await peer.start(job);
  const outcome = await peer.outcome(job);
  if (outcome.kind !== 'completed') throw new Error(`undisturbed, it has ${JSON.stringify(outcome)}`);
  if (work.begun.length !== STEPS) throw new Error(`undisturbed, it began ${work.begun.length} steps`);
  return (work.begun.at(-1)! - work.begun[0]!) / (STEPS - 1);
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
