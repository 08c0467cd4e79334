/**
 * What a command is given of the workspace, what it made of it, and whether the workspace stood still meanwhile.
 *
 * Invariants
 * 1. What is taken for unchanged is so by stat (effects/files/tree.ts), or by content where stat can't tell; only
 *    what stat shows changed is read.
 * 2. `before` of a change is what the command was given: the workspace shows it when the command has ended, and nothing
 *    there has changed in between.
 * 3. A file that the record knows is given only as it is recorded.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { contentOf } from '../../../effects/files/content.ts';
import type { FileSighting } from '../../../effects/files/index.ts';
import { COARSE_NS, grainNs, isYoung } from '../../../effects/files/grain.ts';
import { outsideRepositories } from '../../../effects/files/outside-repository.ts';
import { differingPaths, isSameEntry, scanTree, UNNAMED, type Tree } from '../../../effects/files/tree.ts';
import { copyTree } from '../../../effects/files/tree-copy.ts';
import { Turns } from '../../../effects/turns.ts';
import type { Digest } from '../../../model/digest.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { formatResource } from '../../../model/record/resource.ts';
import { MAX_COMMAND_CHANGES } from '../../../model/step/command.ts';
import type { PathSelection } from '../../../model/step/path-selection.ts';
import { cannotRead } from '../../workspace/unreadable.ts';
import type { Attempt } from '../attempt.ts';
import { ChangedContents } from './changed-contents.ts';
import { holdsMore, NOTHING_COPIED, partialFolders } from './copy-snapshot.ts';
import { indexMeanings } from './git-indexes.ts';
import { mustStandStill } from './neighbours.ts';
import { placeStaged } from './place-staged.ts';
import { refuseImpossibleChange } from './refuse-change.ts';
import { treeChangeAt, type TreeChange } from './tree-change.ts';

/** Longer than the grain of the kernel's file times: nothing that the command does bears the time of a copy. */
const TICK_MS = 20;
const COARSE_TICK_MS = Number(COARSE_NS / 1_000_000n);

export interface CommandPaths {
  /** What of the workspace the command is given. */
  readonly selection: PathSelection;
  /** Files of the workspace that may be changed from outside while it runs. */
  readonly othersChange: PathSelection;
}

export class CommandTree {
  readonly #attempt: Attempt;
  readonly #paths: CommandPaths;
  readonly #contents: ChangedContents;
  #snapshot = NOTHING_COPIED;
  /** The end of the chain when the workspace was looked at. */
  #seq = 0;
  #lookedAtNs = 0n;
  /** `.git` whose repository lies outside the workspace → where: through it a copy would change that repository. */
  #withheld: ReadonlyMap<string, string> = new Map();

  constructor(attempt: Attempt, paths: CommandPaths) {
    this.#attempt = attempt;
    this.#paths = paths;
    this.#contents = new ChangedContents(attempt);
  }

  /** The workspace as it is now. @throws MustVerify when a file that the record knows is not as recorded */
  async look(): Promise<Tree> {
    const { workspace, claim } = this.#attempt;
    const { jobId } = claim.row;
    this.#seq = claim.read((ledger) => ledger.job(jobId)!.at.seq);
    this.#lookedAtNs = BigInt(Date.now()) * 1_000_000n;
    const tree = await workspace.files.scan();
    this.#withheld = outsideRepositories(workspace.root, tree);
    const recorded = claim.read((ledger) => ledger.recordedFiles(jobId));
    for (const { resource, sighting } of await this.#seen(recorded.filter((path) => this.#isGiven(path))))
      await claim.fileMustBeAsRecorded(resource, sighting.state);
    return tree;
  }

  /** For people: what of the workspace the command is not given although it is among its paths. */
  get withheld(): string {
    const [path, place] = [...this.#withheld].find(([withheld]) => this.#paths.selection.has(withheld)) ?? [];
    if (path === undefined) return '';
    return (
      `It was not given ${path}: the repository is "${place}", outside its copy, and what it does there would not ` +
      'wait to be applied. Work in a clone, or run it in place (inPlace).'
    );
  }

  /** Where a command runs in its copy. @throws HoldfastError `not-found` */
  folderIn(copy: string, folder: string): string {
    const { copy: given, workspace } = this.#snapshot;
    if (folder === '') return copy;
    if (given.get(folder)?.kind === 'directory') return `${copy}/${folder}`;
    const why = workspace.has(folder) ? '; it is not among its paths' : '';
    throw new HoldfastError('not-found', `There is no folder "${folder}" for the command to run in${why}.`, {
      path: folder,
    });
  }

  /** @param workspace as `look` has shown it */
  async copyTo(copy: string, workspace: Tree, signal: AbortSignal): Promise<void> {
    const copied = await copyTree(this.#attempt.workspace.root, workspace, copy, (path) => this.#isGiven(path), signal);
    // A file that changed while it was copied was given as it is now.
    const unchanged = [...workspace].filter(
      ([path, { kind }]) => !this.#isGiven(path) || copied.has(path) || kind === 'other',
    );
    const given = new Map([...unchanged, ...copied]);
    const young = await this.#youngIn(copied, copy);
    await placeStaged(this.#attempt, this.#paths.selection, given, copy);
    const partial = partialFolders(given, copied);
    const indexes = await indexMeanings(this.#attempt.workspace, given);
    this.#snapshot = { workspace: given, partial, copied, copy: await scanTree(copy), young, indexes };
    await delay(isStampedCoarsely(this.#snapshot.copy) ? COARSE_TICK_MS : TICK_MS);
  }

  /**
   * What the command changed in its copy. The contents are blobs, or small ones that `smallContents` hands out.
   * @throws HoldfastError `changed-meanwhile`, `busy`, `outside-workspace`, `reserved-path`, `too-large`, `bad-input`;
   * MustVerify
   */
  async changes(copy: string): Promise<readonly TreeChange[]> {
    const { workspace } = this.#attempt;
    const now = await scanTree(copy, new Set(), 'all');
    const paths = this.#changedPaths(now);
    const sightings = await workspace.files.observeMany(paths);
    const { copied, copy: given } = this.#snapshot;
    const scope = { attempt: this.#attempt, copied, given, copy, contents: this.#contents };
    const changes: TreeChange[] = [];
    const turns = new Turns();
    for (const [index, path] of paths.entries()) {
      const change = await treeChangeAt(scope, path, now.get(path), sightings[index]!);
      if (change !== undefined) changes.push(change);
      await turns.take();
    }
    await this.#contents.storeLarge();
    await mustStandStill({
      attempt: this.#attempt,
      snapshot: this.#snapshot,
      seq: this.#seq,
      ...this.#paths,
      copyOf: (path) => (this.#isUntouched(path, now) ? `${copy}/${path}` : undefined),
    });
    this.#contents.stageSmall();
    return changes;
  }

  /** Contents of the changes that are not in the store yet: to be made durable with what names them. */
  get smallContents(): ReadonlyMap<Digest, Uint8Array> {
    return this.#contents.small;
  }

  /** Notes what the result depends on. @throws MustVerify */
  async observe(reads: PathSelection, workspace: Tree): Promise<void> {
    const { stage, claim } = this.#attempt;
    const paths = [...workspace].flatMap(([path, { kind }]) =>
      kind !== 'directory' &&
      !path.includes(UNNAMED) &&
      this.#isGiven(path) &&
      reads.has(path) &&
      !stage.files.has(path)
        ? [path]
        : [],
    );
    for (const { path, resource, sighting } of await this.#seen(paths)) {
      await claim.fileMustBeAsRecorded(resource, sighting.state);
      stage.observe(resource, sighting.state);
      stage.seenFiles.set(path, sighting);
    }
  }

  #isGiven(path: string): boolean {
    return this.#paths.selection.has(path) && !this.#isWithheld(path);
  }

  #isWithheld(path: string): boolean {
    for (const withheld of this.#withheld.keys()) if (path === withheld || path.startsWith(`${withheld}/`)) return true;
    return false;
  }

  /** As the command was given it, and nothing was staged there. */
  #isUntouched(path: string, now: Tree): boolean {
    const was = this.#snapshot.copy.get(path);
    const is = now.get(path);
    return !this.#attempt.stage.files.has(path) && was !== undefined && is !== undefined && isSameEntry(was, is);
  }

  /** Files so young that stat could not tell a change, with their contents. */
  async #youngIn(copied: Tree, copy: string): Promise<ReadonlyMap<string, Digest>> {
    const young = new Map<string, Digest>();
    for (const [path, entry] of copied)
      if (entry.kind === 'file' && isYoung(entry, this.#lookedAtNs))
        young.set(path, (await contentOf(`${copy}/${path}`)).content);
    return young;
  }

  /** @throws HoldfastError `too-large`, and for a change that no record could name, or nobody could apply */
  #changedPaths(now: Tree): readonly string[] {
    const snapshot = this.#snapshot;
    const paths = differingPaths(snapshot.copy, now).filter((path) => now.has(path) || !holdsMore(snapshot, path));
    if (paths.length > MAX_COMMAND_CHANGES)
      throw new HoldfastError(
        'too-large',
        `The command changed ${paths.length} files; at most ${MAX_COMMAND_CHANGES} are applied as a whole. ` +
          'Split it, or write one archive.',
        { changes: paths.length },
      );
    const { files } = this.#attempt.workspace;
    for (const path of paths) refuseImpossibleChange({ files, snapshot, now }, path);
    return paths;
  }

  /** One by one: a discrepancy is told although a file after it cannot be read. */
  async #seen(paths: readonly string[]): Promise<Iterable<SeenFile>> {
    return seenFiles(paths, await this.#attempt.workspace.files.observeMany(paths));
  }
}

/** All files of a copy, made just now, bear whole seconds: its filesystem counts no finer. */
function isStampedCoarsely(copy: Tree): boolean {
  const files = [...copy.values()].filter(({ kind }) => kind === 'file');
  return files.length > 0 && files.every((file) => grainNs(file) === COARSE_NS);
}

interface SeenFile {
  readonly path: string;
  readonly resource: string;
  readonly sighting: Extract<FileSighting, { outcome: 'seen' }>;
}

/** @throws HoldfastError `permission-denied`, `outside-workspace` where it comes to a file that was not seen */
function* seenFiles(paths: readonly string[], sightings: readonly FileSighting[]): Iterable<SeenFile> {
  for (const [index, path] of paths.entries()) {
    const sighting = sightings[index]!;
    if (sighting.outcome !== 'seen') throw cannotRead(path, sighting);
    yield { path, resource: formatResource({ kind: 'file', path }), sighting };
  }
}
