/**
 * The process of one contender. It is told what to open, then which jobs to run.
 *
 * Invariant: it ends with the one who started it, however that came; the servers that it started end with it.
 */
import type { Contender, ContenderModule, FromContender, Place, Ran, RunRequest, ToContender } from './contender.ts';
import { fromPackages } from './from-packages.ts';
import { Stopwatch } from './stopwatch.ts';
import { makeJobFolder, makeWork } from './work.ts';

// A terminal's Ctrl-C reaches this process, too; it ends by the disconnection.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(1));

interface Opened {
  readonly contender: Contender;
  readonly place: Place;
  readonly stopwatch: Stopwatch;
  close(): Promise<void>;
}
let opened: Opened | undefined;

process.on('message', (message: ToContender) => {
  answer(message).then(
    (told) => process.send?.(told),
    (error: unknown) => process.send?.({ kind: 'failed', why: wordsOf(error) } satisfies FromContender),
  );
});

async function answer(message: ToContender): Promise<FromContender> {
  if (message.kind === 'open') return await open(message.module, message.place);
  if (message.kind === 'run') return { kind: 'ran', ran: await run(message.request) };
  await opened?.close();
  process.exit(0);
}

async function open(module: string, place: Place): Promise<FromContender> {
  fromPackages(place.packages);
  const { open: openContender } = (await import(new URL(module, import.meta.url).href)) as ContenderModule;
  const stopwatch = new Stopwatch(place.postgresPid);
  const work = makeWork(place.folder, place.databaseUrl, stopwatch.begins);
  const contender = await openContender(place, work);
  const close = async (): Promise<void> => {
    await contender.close();
    await work.close();
  };
  opened = { contender, place, stopwatch, close };
  return { kind: 'opened', versions: contender.versions };
}

async function run({ variant, job, steps }: RunRequest): Promise<Ran> {
  const { contender, place, stopwatch } = opened!;
  const act = contender.variants[variant]!;
  makeJobFolder(place.folder, job);
  stopwatch.reset(steps);
  const startedMs = performance.now();
  await act(job, steps);
  const jobMs = performance.now() - startedMs;
  return { ...stopwatch.read(), jobMs };
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncause: ${wordsOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
