/**
 * A job as a git repository: the files as it found them, then one commit for each record that did something.
 *
 * Invariants
 * 1. Each commit, checked out, has the job's files as they were after its record, byte for byte; what git can't carry
 *    or the store has no more is left out and told.
 * 2. Nothing but an empty folder is written to.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text as textFrom } from 'node:stream/consumers';
import { HoldfastError } from '../model/failure.ts';
import { describeEffect } from '../model/record/effect-text.ts';
import { firstStates } from '../model/record/net-changes.ts';
import type { ChainRecord } from '../model/record/record.ts';
import { parseResource } from '../model/record/resource.ts';
import type { FileState } from '../model/record/world.ts';
import { codeText } from '../model/sub-step-id.ts';
import type { ChainEntry, InspectedJob, WorkspaceInspection } from '../protocol/inspect/inspection.ts';
import { gitPath, isForGit } from './git-path.ts';
import { assertSound } from './job-changes.ts';
import { gitModeOf } from './patch.ts';
import { contentsOf, type OpenContent } from './recorded-content.ts';

/** What `exportJobToGit` has made. */
export interface GitExport {
  /** The repository, as it was named. */
  readonly folder: string;
  /** One for the files as found, and one for each record that changed some. */
  readonly commits: number;
  /** What git can't hold: the file, the number of the record that changed it, and the reason in words. */
  readonly leftOut: readonly { readonly path: string; readonly seq: number; readonly why: string }[];
}

/** @throws HoldfastError `bad-input`: the folder is not empty, or there is no git; `ledger-damaged` */
export async function exportGit(
  inspection: WorkspaceInspection,
  job: InspectedJob,
  folder: string,
): Promise<GitExport> {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new HoldfastError('bad-input', `${folder} is not empty. Expected an empty folder, or one to be made.`, {
      folder,
      nextStep: 'Name another folder, or move what is in it away.',
    });
  // First: a damaged record is told before anything is made.
  assertSound(inspection, job);
  mkdirSync(folder, { recursive: true });
  try {
    return await exportTo(folder, inspection, job);
  } catch (error) {
    // The same command can then be run again.
    rmSync(join(folder, '.git'), { recursive: true, force: true });
    throw error;
  }
}

async function exportTo(folder: string, inspection: WorkspaceInspection, job: InspectedJob): Promise<GitExport> {
  await git(folder, ['init', '--quiet', '--initial-branch=main']);
  await git(folder, ['config', 'core.autocrlf', 'false']);
  // Above the job's own .gitattributes: bytes are checked out as they are.
  writeFileSync(join(folder, '.git', 'info', 'attributes'), '* -text -ident !filter !working-tree-encoding\n');
  const commits = new Commits(inspection, job);
  const chain = inspection.chain(job.jobId);
  await git(folder, ['fast-import', '--quiet', '--date-format=raw'], commits.all(chain, firstFiles(chain)));
  await git(folder, ['reset', '--quiet', '--hard', 'main']);
  return { folder, commits: commits.count, leftOut: commits.leftOut };
}

type States = ReadonlyMap<string, FileState>;

/** Each file that the record knows, as it was when the job first met it. */
function firstFiles(chain: readonly ChainEntry[]): States {
  const first = firstStates(chain.map(({ record }) => record));
  return new Map(
    [...first].flatMap(([resource, state]) => {
      const path = pathOf(resource);
      return path === undefined || state === undefined ? [] : [[path, state as FileState] as const];
    }),
  );
}

function pathOf(resource: string): string | undefined {
  const named = parseResource(resource);
  return named.kind === 'file' ? named.path : undefined;
}

class Commits {
  count = 0;
  readonly leftOut: { readonly path: string; readonly seq: number; readonly why: string }[] = [];
  readonly #contentOf: (path: string) => OpenContent;
  readonly #job: InspectedJob;

  constructor(inspection: WorkspaceInspection, job: InspectedJob) {
    this.#contentOf = contentsOf(inspection);
    this.#job = job;
  }

  /** For `git fast-import`. */
  async *all(chain: readonly ChainEntry[], first: States): AsyncGenerator<string | Buffer> {
    const opened = chain[0];
    if (opened === undefined) return;
    yield this.#head(opened, this.#job.workflowId, `The files as ${this.#job.workflowId} found them`);
    yield* this.#files(opened.record.seq, first);
    for (const entry of chain) {
      const { record } = entry;
      const changed = changedFiles(record);
      if (record.kind !== 'step' && changed.size === 0) continue;
      yield this.#head(entry, authorOf(record), messageOf(entry, this.#job));
      yield* this.#files(record.seq, changed);
    }
  }

  #head({ record }: ChainEntry, author: string, message: string): string {
    this.count += 1;
    const at = `${Math.floor(Date.parse(record.at) / 1_000)} +0000`;
    const who = `${author.replaceAll(/[<>\p{Cc}]/gu, '_')} <holdfast>`;
    const data = Buffer.from(message);
    return [
      'commit refs/heads/main',
      `author ${who} ${at}`,
      `committer holdfast <holdfast> ${at}`,
      `data ${data.byteLength}`,
      `${message}\n`,
    ].join('\n');
  }

  /** What goes, goes first: a folder may stand where a file stood. */
  async *#files(seq: number, states: States): AsyncGenerator<string | Buffer> {
    const usable = [...states].filter(([path]) => isForGit(path));
    for (const path of states.keys())
      if (!isForGit(path)) this.leftOut.push({ path, seq, why: 'git takes no path with .git in it' });
    for (const [path, state] of usable) if (isNothingForGit(state)) yield `D ${gitPath(path)}\n`;
    for (const [path, state] of usable)
      if (state.kind === 'symlink') {
        yield* data(`M 120000 inline ${gitPath(path)}`, Buffer.byteLength(state.target), [state.target]);
      } else if (state.kind === 'file') {
        const content = await this.#contentOf(path)(state.content);
        if (content === undefined) this.leftOut.push({ path, seq, why: 'its content is not in the store any more' });
        else yield* data(`M ${gitModeOf(state)} inline ${gitPath(path)}`, state.sizeBytes, content);
      }
  }
}

async function* data(
  head: string,
  sizeBytes: number,
  content: AsyncIterable<Buffer> | Iterable<string>,
): AsyncGenerator<string | Buffer> {
  yield `${head}\ndata ${sizeBytes}\n`;
  yield* content;
  yield '\n';
}

/** Folders are made by what is in them. */
function isNothingForGit({ kind }: FileState): boolean {
  return kind === 'absent' || kind === 'other';
}

function changedFiles({ changes }: ChainRecord): States {
  return new Map(
    changes.flatMap(({ resource, role, state }) => {
      const path = role === 'read' || role === 'watched' ? undefined : pathOf(resource);
      return path === undefined ? [] : [[path, state as FileState] as const];
    }),
  );
}

function authorOf(record: ChainRecord): string {
  if (record.kind === 'step' || record.kind === 'undone') return record.stepId;
  return record.kind === 'decision' ? record.by : 'holdfast';
}

const MAX_LISTED = 50;

function messageOf({ record, head }: ChainEntry, { workflowId }: InspectedJob): string {
  return [
    subjectOf(record),
    '',
    ...bodyOf(record),
    `Holdfast-Job: ${workflowId}`,
    `Holdfast-Record: ${record.seq} ${head}`,
  ].join('\n');
}

function subjectOf(record: ChainRecord): string {
  switch (record.kind) {
    case 'step':
      return `${record.stepId}${codeText(record.stepId, record.step)}`;
    case 'undone':
      return `undo ${record.stepId}`;
    case 'decision':
      return `${[...new Set(Object.values(record.answers))].join(', ')}: ${record.reason}`.split('\n')[0]!;
    default:
      return record.kind;
  }
}

function bodyOf(record: ChainRecord): readonly string[] {
  if (record.kind !== 'step' && record.kind !== 'undone') return [];
  const lines = [
    ...record.effects.map(({ effect }) => describeEffect(effect)),
    ...record.logs.map(({ message }) => `log: ${message}`),
  ];
  const more = lines.length > MAX_LISTED ? [`and ${lines.length - MAX_LISTED} more`] : [];
  return lines.length === 0 ? [] : [...lines.slice(0, MAX_LISTED), ...more, ''];
}

/** @throws HoldfastError `bad-input`: there is no git, or it refuses */
async function git(cwd: string, args: readonly string[], input?: AsyncIterable<string | Buffer>): Promise<void> {
  const child = spawn('git', args, { cwd, stdio: ['pipe', 'ignore', 'pipe'] });
  const said = textFrom(child.stderr);
  const ended = once(child, 'close') as Promise<[number | null]>;
  // Whatever it says, its exit code tells how it ended.
  child.stdin.on('error', () => undefined);
  try {
    for await (const part of input ?? []) {
      if (child.stdin.destroyed) break;
      if (!child.stdin.write(part)) await Promise.race([once(child.stdin, 'drain'), ended]);
    }
    child.stdin.end();
    const [code] = await ended;
    if (code === 0) return;
    throw new HoldfastError('bad-input', `git ${args[0]!} failed: ${(await said).trim()}`, { args });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new HoldfastError('bad-input', 'There is no git on this machine; the export is made by it.', {
      nextStep: 'Install git, or take `holdfast diff --patch`.',
    });
  } finally {
    child.kill();
  }
}
