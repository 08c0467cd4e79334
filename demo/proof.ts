/**
 * Whether each effect happened once, told by what watched from outside: the database's own triggers, `sha256sum`, the
 * file system's events, the service's count of its requests. Holdfast is not asked.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { EVENTS_ARE_EXACT, fileIdentity, sha256sum } from './outside.ts';
import { ADAS_SENTENCE } from './people.ts';
import type { Stage } from './stage.ts';

export interface Proof {
  readonly claim: string;
  readonly holds: boolean;
  /** What was found. */
  readonly found: string;
  readonly by: string;
}

/** As it was when the worker had been killed. */
export interface AtTheKill {
  readonly digests: ReadonlyMap<string, string>;
  readonly identities: ReadonlyMap<string, string>;
}

const LEFT_ALONE = ['weather.csv', 'rain.json', 'wind.json', 'chart.svg'] as const;
const MADE_BEFORE_THE_KILL = [...LEFT_ALONE, 'rain.md', 'wind.md'] as const;
const DAYS = 1461;

export async function atTheKill({ workspace }: Stage): Promise<AtTheKill> {
  return {
    digests: await sha256sum(workspace, MADE_BEFORE_THE_KILL),
    identities: new Map(MADE_BEFORE_THE_KILL.map((name) => [name, fileIdentity(path.join(workspace, name))])),
  };
}

/** Holds for a job in which nothing was run again on purpose. */
export async function prove(stage: Stage, before: AtTheKill, adasNotes: string): Promise<readonly Proof[]> {
  return [
    ...(await ofTheDatabase(stage)),
    ...(await ofTheFiles(stage, before, adasNotes)),
    ...ofTheEvents(stage),
    ofTheService(stage),
  ];
}

async function ofTheDatabase({ office }: Stage): Promise<Proof[]> {
  const audited = await office.audited();
  const by = `${office.dialect} triggers`;
  const inserted = (source: string, wanted: number, claim: string): Proof => {
    const mine = audited.filter((entry) => entry.source === source);
    const [only] = mine;
    const holds = mine.length === 1 && only!.action === 'insert' && only!.rows === wanted && only!.most === 1;
    return {
      claim,
      by,
      holds,
      found:
        mine
          .map(
            ({ action, rows, most }) =>
              `${action} of ${rows.toLocaleString('en-US')} row${rows === 1 ? '' : 's'}, each ${times(most)}`,
          )
          .join('; ') || 'nothing was inserted',
    };
  };
  return [
    inserted('weather', DAYS, 'each day was loaded once'),
    inserted('figure', 1, "the chart's row, written just before the kill, was inserted once"),
  ];
}

async function ofTheFiles({ workspace, csv, office }: Stage, before: AtTheKill, adasNotes: string): Promise<Proof[]> {
  const now = await sha256sum(workspace, MADE_BEFORE_THE_KILL);
  const untouched = LEFT_ALONE.filter(
    (name) =>
      now.get(name) === before.digests.get(name) &&
      fileIdentity(path.join(workspace, name)) === before.identities.get(name),
  );
  const [figure] = await office.run("SELECT sha256 FROM figure WHERE id = 'chart'");
  const notes = readFileSync(path.join(workspace, 'rain.md'), 'utf8');
  const report = readFileSync(path.join(workspace, 'report.md'), 'utf8');
  const isHers = notes === adasNotes;
  return [
    {
      claim: 'what was finished before the kill was not written again',
      by: 'sha256sum, inode, time',
      holds: untouched.length === LEFT_ALONE.length,
      found: `the same: ${untouched.join(', ') || 'none'}`,
    },
    {
      claim: 'the chart and its row belong together',
      by: 'sha256sum',
      holds: figure?.['sha256'] === now.get('chart.svg'),
      found: `${String(figure?.['sha256']).slice(0, 12)} in the row, ${now.get('chart.svg')!.slice(0, 12)} of the file`,
    },
    {
      claim: 'the data are those of the package',
      by: 'sha256sum',
      holds: now.get('weather.csv') === csv.sha256,
      found: `${now.get('weather.csv')!.slice(0, 12)}, the original ${csv.sha256.slice(0, 12)}`,
    },
    {
      claim: 'what was removed is back as it was',
      by: 'sha256sum',
      holds: now.get('wind.md') === before.digests.get('wind.md'),
      found: `${now.get('wind.md')!.slice(0, 12)}, before ${before.digests.get('wind.md')!.slice(0, 12)}`,
    },
    {
      claim: "Ada's sentence was not overwritten behind her back",
      by: 'the files',
      // Accepted: it is in both. Restored by a person's decision: in neither.
      holds: isHers
        ? report.includes(ADAS_SENTENCE)
        : now.get('rain.md') === before.digests.get('rain.md') && !report.includes(ADAS_SENTENCE),
      found: isHers ? 'it stands in rain.md and in report.md' : 'it was put back, as was decided',
    },
  ];
}

function ofTheEvents({ events }: Stage): Proof[] {
  const once = [...LEFT_ALONE, 'rain.md', 'report.md'];
  const counts = once.map((name) => `${name} ${events.renames(name)}`);
  const removed = events.renames('wind.md');
  const by = `file events${EVENTS_ARE_EXACT ? '' : ' (several may be told as one here)'}`;
  return [
    {
      claim: 'each file was put into place once',
      by,
      holds: once.every((name) => events.renames(name) === 1) || !EVENTS_ARE_EXACT,
      found: counts.join(', '),
    },
    {
      claim: 'wind.md was made once, removed by somebody, put back once',
      by,
      holds: removed === 3 || !EVENTS_ARE_EXACT,
      found: `${removed} events`,
    },
  ];
}

function ofTheService({ service }: Stage): Proof {
  return {
    claim: 'the service was asked again only because it had refused',
    by: "the service's own count",
    holds: service.refused === 1 && service.answered === 1,
    found: `${service.refused} refused, ${service.answered} answered`,
  };
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
