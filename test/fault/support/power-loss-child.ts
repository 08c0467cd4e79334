/**
 * A process of another boot: makes what a power loss may have left, at chosen moments of a recorded job, and carries
 * the job on from each with what its Workflow knew by then.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../../../src/model/seeded-random.ts';
import { CrashWorld, readNotes, type BaseFile, type Chosen, type Fate, type Ordering } from './crash-states.ts';
import {
  differenceOf,
  driveDiskJob,
  endOf,
  fresh,
  STAGES,
  type DiskEnd,
  type DiskPlaces,
  type Kept,
} from './disk-job.ts';
import type { Recorded } from './recording-child.ts';

export interface PowerLossOrder {
  readonly log: string;
  readonly base: readonly (Omit<BaseFile, 'content'> & { readonly content: string })[];
  readonly recorded: Recorded;
  readonly ordering: Ordering;
  /** The power is lost before every so many-th note, from this one on. */
  readonly from: number;
  readonly stride: number;
  readonly fates: readonly Fate[];
  readonly seed: number;
}

export interface PowerLossEnd {
  readonly notes: number;
  readonly states: number;
  readonly wrong: readonly string[];
}

const AWAY_MS = 120_000;

const order = JSON.parse(process.argv[2]!) as PowerLossOrder;
const root = mkdtempSync(join(tmpdir(), 'holdfast-power-loss-'));
const notes = readNotes(readFileSync(order.log));
const base = order.base.map((file) => ({ ...file, content: Buffer.from(file.content, 'base64') }));
const wrong: string[] = [];
let states = 0;

try {
  const world = new CrashWorld(base, 'outside');
  let kept = fresh();
  let next = order.from;
  for (const [index, note] of notes.entries()) {
    if (index === next) {
      for (const fate of order.fates) await lose(world, kept, index, fate);
      next += order.stride;
    }
    if (note.act === 'kept') kept = JSON.parse(note.bytes.toString('utf8')) as Kept;
    else world.add(note);
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
process.stdout.write(JSON.stringify({ notes: notes.length, states, wrong } satisfies PowerLossEnd));

async function lose(world: CrashWorld, kept: Kept, index: number, fate: Fate): Promise<void> {
  const { act, fields } = notes[index]!;
  const name = `before note ${index} of ${notes.length} (${act} ${fields.join(' ')}), ${fate} kept`;
  const folder = join(root, `${states++}`);
  mkdirSync(folder);
  const chosen: Chosen = { ordering: order.ordering, fate, random: seededRandom(order.seed + states) };
  world.write(folder, chosen);
  age(join(folder, 'workspace/.holdfast/commands'));
  const places: DiskPlaces = { workspace: join(folder, 'workspace'), outside: join(folder, 'outside') };
  try {
    const over = await driveDiskJob(places, kept, { workerId: 'after the power loss' });
    const foreign = over.asked.filter((text) => !order.recorded.asked.includes(text));
    if (foreign.length > 0) wrong.push(`${name} asks: ${foreign.join('; ')}`);
    const end = await endOf(places, over);
    // Once it has given its workspace back nobody looks there any more.
    const found = kept.stages < STAGES.length - 1 ? end : { ...end, ...withoutLeftovers(end) };
    const difference = differenceOf(found, order.recorded.end);
    if (difference !== undefined) wrong.push(`${name}: ${difference}`);
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    wrong.push(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
}

/** A machine is away for longer than a minute: so long a note of a command that nobody can read may be under way. */
function age(folder: string): void {
  if (!existsSync(folder)) return;
  const then = new Date(Date.now() - AWAY_MS);
  for (const name of readdirSync(folder)) utimesSync(join(folder, name), then, then);
}

function withoutLeftovers({ files }: DiskEnd): Pick<DiskEnd, 'files' | 'left'> {
  const own = Object.entries(files).filter(([name]) => !name.startsWith('.holdfast/'));
  return { files: Object.fromEntries(own), left: [] };
}
