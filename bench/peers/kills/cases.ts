/** The cases of one peer: its process is killed, the world is changed or not, it is started again; what then? */
import { median } from '../../statistics.ts';
import { AFTER_EFFECTS, type KillPlace, type KillPoint, type Outcome, type PeerKind } from './peer.ts';
import { Office } from './office.ts';
import type { Change, Changed, Kill, StepMs, Way } from './result.ts';
import { RunningPeer } from './running-peer.ts';

const DEATH_LIMIT_MS = 120_000;
const END_LIMIT_MS = 120_000;
/** Not measured: caches are cold. */
const WARMING_JOBS = 3;
/** How long a job is watched that keeps trying; then somebody looks. */
const PATIENCE_MS = 20_000;
const MOST_SEEN = 400;

/** All that a case needs; a fresh place for each. */
export interface CaseWorld {
  readonly kind: PeerKind;
  /** A new folder, new databases, a new port; the service is put in by the case. */
  makePlace(name: string): Promise<Omit<KillPlace, 'serviceUrl' | 'kill'>>;
  /** Told of each process that has come up. */
  opened(versions: Readonly<Record<string, string>>): void;
}

export async function killed(world: CaseWorld, point: KillPoint): Promise<Kill> {
  return await inOffice(world, point.name, async (scene) => {
    await scene.lose(point);
    const { peer, startedMs } = await scene.startAgain();
    const outcome = await peer.outcome(scene.job, END_LIMIT_MS);
    const goOnMs = since(startedMs);
    const ended = await toItsEnd(scene, peer, outcome);
    return {
      at: point.what,
      ended,
      ...(outcome === undefined ? {} : { goOnMs }),
      ...(outcome?.kind === 'asked' ? { question: short(outcome.question) } : {}),
      notOnce: [...(await scene.office.notOnce())],
    };
  });
}

export async function changed(world: CaseWorld, change: Change): Promise<Changed> {
  // The last of its kill points is where all effects are made.
  const point = world.kind.kills.at(-1) ?? AFTER_EFFECTS;
  return await inOffice(world, change, async (scene) => {
    await scene.lose(point);
    await scene.office.change(change);
    const { peer, startedMs } = await scene.startAgain();
    const outcome = await peer.outcome(
      scene.job,
      change === 'renamed' ? (world.kind.patienceMs ?? PATIENCE_MS) : END_LIMIT_MS,
    );
    const goOnMs = since(startedMs);
    const sees = outcome?.kind === 'asked' ? outcome.question : await peer.sees(scene.job);
    await scene.office.mend(change);
    const mendedMs = performance.now();
    const ended = await toItsEnd(scene, peer, outcome);
    const noticed = outcome?.kind === 'asked' ? 'before going on' : failed(outcome) ? 'by a failing step' : 'no';
    return {
      noticed,
      sees: short(sees),
      ended,
      ...(outcome === undefined ? {} : { goOnMs }),
      ...(ended === 'not' || outcome?.kind === 'completed' ? {} : { mendedMs: since(mendedMs) }),
      ...(change === 'edited' ? { line: scene.office.personsLine() } : {}),
    };
  });
}

/** Milliseconds a step, undisturbed. @param inTurn lets others have theirs between two jobs */
export async function measured(world: CaseWorld, jobs: number, inTurn: InTurn): Promise<StepMs> {
  return await inOffice(world, 'measured', async (scene) => {
    const peer = await inTurn(async () => await scene.start(''));
    const stepMs: number[] = [];
    for (let index = -WARMING_JOBS; index < jobs; index++) {
      const ms = await inTurn(async () => await peer.measure(`${scene.job}-${index + WARMING_JOBS}`));
      if (index >= 0) stepMs.push(ms);
    }
    return { fastest: Math.min(...stepMs), median: median(stepMs) };
  });
}

/** One at a time, in the order in which they ask. */
export type InTurn = <T>(act: () => Promise<T>) => Promise<T>;

function failed(outcome: Outcome | undefined): boolean {
  return outcome === undefined || outcome.kind === 'failed';
}

/** What is mended is told to it, if it needs telling. */
async function toItsEnd(scene: Scene, peer: RunningPeer, outcome: Outcome | undefined): Promise<Way> {
  const { job } = scene;
  if (outcome?.kind === 'completed') return scene.hasResumed() ? 'after a call' : 'by itself';
  // Who still tries is let try.
  const isCalled = outcome !== undefined && (await peer.goOn(job));
  const end = await peer.outcome(job, END_LIMIT_MS);
  if (end?.kind !== 'completed') return 'not';
  if (outcome?.kind === 'asked') return 'after an answer';
  return isCalled ? 'after a call' : 'by itself';
}

interface Scene {
  readonly office: Office;
  readonly job: string;
  hasResumed(): boolean;
  start(kill: string): Promise<RunningPeer>;
  /** Starts the job in a process that is killed. */
  lose(point: KillPoint): Promise<void>;
  startAgain(): Promise<{ readonly peer: RunningPeer; readonly startedMs: number }>;
}

async function inOffice<T>(world: CaseWorld, name: string, act: (scene: Scene) => Promise<T>): Promise<T> {
  const job = `${world.kind.name}-${name}`;
  const place = await world.makePlace(name);
  await using office = await Office.open(place.databaseUrl, `${place.folder}/${job}`);
  const running: RunningPeer[] = [];
  let hasResumed = false;
  const start = async (kill: string): Promise<RunningPeer> => {
    const peer = await RunningPeer.open(world.kind, { ...place, serviceUrl: office.serviceUrl, kill });
    running.push(peer);
    world.opened(peer.versions);
    return peer;
  };
  const scene: Scene = {
    office,
    job,
    start,
    hasResumed: () => hasResumed,
    lose: async (point) => {
      const peer = await start(point.name);
      // Killed while it starts the job, it can't answer.
      await Promise.all([peer.start(job).catch(() => undefined), peer.dies(DEATH_LIMIT_MS)]);
    },
    startAgain: async () => {
      const startedMs = performance.now();
      const peer = await start('');
      hasResumed = await peer.resume(job);
      return { peer, startedMs };
    },
  };
  try {
    return await act(scene);
  } finally {
    await Promise.all(running.map(async (peer) => await peer.end()));
  }
}

function since(startedMs: number): number {
  return Math.round(performance.now() - startedMs);
}

/** In one line, without what differs from run to run. */
function short(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length <= MOST_SEEN ? line : `${line.slice(0, MOST_SEEN - 1)}…`;
}
