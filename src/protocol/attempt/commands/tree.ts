/**
 * What a command is given of the workspace, what it made of it, and whether the workspace stood still meanwhile.
 *
 * Invariants
 * 1. What is taken for unchanged is so by stat (tree.ts), or by content where stat can't tell; only what stat shows
 *    changed is read.
 * 2. `before` of a change is what the command was given: the workspace shows it when the command has ended, and nothing
 *    there has changed in between.
 * 3. A file that the record knows is given only as it is recorded.
 */
import { chmodSync, createReadStream, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { MAX_COMMAND_CHANGES } from '../../../model/step/command.ts';
import type { PathSelection } from '../../../model/step/path-selection.ts';
import { digestOf, type Digest } from '../../../model/digest.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { formatResource } from '../../../model/record/resource.ts';
import { ABSENT, sameState, type FileState } from '../../../model/record/world.ts';
import { contentOf } from '../../../effects/files/content.ts';
import { folderOf } from '../../../effects/files/path.ts';
import type { FileSighting } from '../../../effects/files/index.ts';
import { removeTree } from '../../../effects/files/remove-tree.ts';
import { copyTree } from '../../../effects/files/tree-copy.ts';
import {
  differingPaths,
  isSameEntry,
  scanTree,
  YOUNG_NS,
  type Tree,
  type TreeEntry,
} from '../../../effects/files/tree.ts';
import { Turns } from '../../../effects/turns.ts';
import { mustStandStill } from './neighbours.ts';
import type { Attempt } from '../attempt.ts';
import { cannotRead } from '../../workspace/files.ts';

/** One path that the command changed, from what it was given to what it left. */
export interface TreeChange {
  readonly path: string;
  readonly before: FileState;
  readonly after: FileState;
}

/** Longer than the grain of the kernel's file times: nothing that the command does bears the time of a copy. */
const TICK_MS = 20;

export class CommandTree {
  readonly #parts: Attempt;
  readonly #selection: PathSelection;
  readonly #others: PathSelection;
  /** The copy as the command was given it. */
  #base: Tree = new Map();
  /** The workspace as it was then. */
  #given: Tree = new Map();
  #copied: Tree = new Map();
  /** Contents of files so young that stat could not tell a change. */
  readonly #young = new Map<string, Digest>();
  readonly #small = new Map<Digest, Uint8Array>();
  /** Files of the copy whose contents become blobs. */
  readonly #large: string[] = [];
  #seq = 0;
  #lookedAtNs = 0n;

  /** @param others files that others may change meanwhile */
  constructor(parts: Attempt, selection: PathSelection, others: PathSelection) {
    this.#parts = parts;
    this.#selection = selection;
    this.#others = others;
  }

  /** The workspace as it is now. @throws MustVerify when a file that the record knows is not as recorded */
  async look(): Promise<Tree> {
    const { workspace, claim } = this.#parts;
    this.#seq = claim.read((ledger) => ledger.job(claim.row.jobId)!.at.seq);
    this.#lookedAtNs = BigInt(Date.now()) * 1_000_000n;
    const tree = await workspace.files.scan();
    const recorded = claim
      .read((ledger) => ledger.recordedFiles(claim.row.jobId))
      .filter((path) => this.#selection.has(path));
    await this.#mustBeAsRecorded(recorded);
    return tree;
  }

  /** Names, kinds, modes and stats of what the command is given: equal means unchanged. */
  digest(tree: Tree): Digest {
    return digestOf(
      [...tree]
        .filter(([path]) => this.#selection.has(path))
        .map(([path, entry]) => stampOf(path, entry))
        .sort(),
    );
  }

  /** Where a command runs in its copy. @throws HoldfastError `not-found` */
  folderIn(to: string, folder: string): string {
    if (folder !== '' && this.#base.get(folder)?.kind !== 'directory')
      throw new HoldfastError(
        'not-found',
        `There is no folder "${folder}" for the command to run in${this.#given.has(folder) ? '; it is not among its paths' : ''}.`,
        { path: folder },
      );
    return folder === '' ? to : `${to}/${folder}`;
  }

  async copyTo(to: string, before: Tree, signal: AbortSignal): Promise<void> {
    const { workspace } = this.#parts;
    this.#copied = await copyTree(workspace.root, before, to, (path) => this.#selection.has(path), signal);
    // What changed while it was copied was given as it is now.
    this.#given = new Map([
      ...[...before].filter(
        ([path]) => !this.#selection.has(path) || this.#copied.has(path) || before.get(path)!.kind === 'other',
      ),
      ...this.#copied,
    ]);
    for (const [path, entry] of this.#copied) {
      const isYoung =
        entry.kind === 'file' &&
        (entry.ctimeNs > this.#lookedAtNs - YOUNG_NS || entry.mtimeNs > this.#lookedAtNs - YOUNG_NS);
      if (isYoung) this.#young.set(path, (await contentOf(`${to}/${path}`)).content);
    }
    await this.#addStaged(to);
    this.#base = await scanTree(to);
    await delay(TICK_MS);
  }

  /**
   * What the command changed in its copy. Its contents are blobs, or small ones that `contents` hands out.
   * @throws HoldfastError `changed-meanwhile`, `busy`, `outside-workspace`, `reserved-path`, `too-large`, `bad-input`; MustVerify
   */
  async changes(to: string): Promise<readonly TreeChange[]> {
    const { workspace, stage } = this.#parts;
    const now = await scanTree(to, new Set(), 'all');
    const paths = differingPaths(this.#base, now).filter((path) => now.has(path) || !this.#holdsMore(path));
    if (paths.length > MAX_COMMAND_CHANGES)
      throw new HoldfastError(
        'too-large',
        `The command changed ${paths.length} files; at most ${MAX_COMMAND_CHANGES} are applied as a whole. Split it, or write one archive.`,
        { changes: paths.length },
      );
    for (const path of paths) this.#mustBePossible(path, now);
    const sightings = await workspace.files.observeMany(paths);
    const changes: TreeChange[] = [];
    const turns = new Turns();
    for (const [index, path] of paths.entries()) {
      const change = await this.#changeAt(to, path, now.get(path), sightings[index]!);
      if (change !== undefined) changes.push(change);
      await turns.take();
    }
    await workspace.blobs.putFromFiles(this.#large);
    const isUntouched = (path: string): boolean =>
      !stage.files.has(path) &&
      this.#base.has(path) &&
      now.has(path) &&
      isSameEntry(this.#base.get(path)!, now.get(path)!);
    await mustStandStill({
      parts: this.#parts,
      given: this.#given,
      seq: this.#seq,
      selection: this.#selection,
      others: this.#others,
      young: this.#young,
      copyOf: (path) => (isUntouched(path) ? `${to}/${path}` : undefined),
    });
    for (const [content, bytes] of this.#small) stage.contents.add(content, bytes);
    return changes;
  }

  /** Contents of the changes that are not in the store yet: to be made durable with what names them. */
  contents(): ReadonlyMap<Digest, Uint8Array> {
    return this.#small;
  }

  /** Notes what the result depends on. @throws MustVerify */
  async observe(reads: PathSelection, tree: Tree): Promise<void> {
    const { workspace, stage, claim } = this.#parts;
    const paths = [...tree].flatMap(([path, { kind }]) =>
      kind !== 'directory' && this.#selection.has(path) && reads.has(path) && !stage.files.has(path) ? [path] : [],
    );
    const sightings = await workspace.files.observeMany(paths);
    for (const [index, path] of paths.entries()) {
      const sighting = sightings[index]!;
      if (sighting.outcome !== 'seen') throw cannotRead(path, sighting);
      const resource = formatResource({ kind: 'file', path });
      claim.mustBeAsRecorded(resource, sighting.state);
      stage.observe(resource, sighting.state);
      stage.seenFiles.set(path, sighting);
    }
  }

  // ---- before ------------------------------------------------------------------------------------------------------

  async #mustBeAsRecorded(paths: readonly string[]): Promise<void> {
    const { workspace, claim } = this.#parts;
    const sightings = await workspace.files.observeMany(paths);
    paths.forEach((path, index) => {
      const sighting = sightings[index]!;
      if (sighting.outcome !== 'seen') throw cannotRead(path, sighting);
      claim.mustBeAsRecorded(formatResource({ kind: 'file', path }), sighting.state);
    });
  }

  /** The command sees what its step has staged. */
  async #addStaged(to: string): Promise<void> {
    const { stage } = this.#parts;
    const staged = [...stage.files.keys()]
      .filter((path) => this.#selection.has(path))
      .map((path) => ({ path, state: stage.stagedState(path)! }));
    const gone = staged
      .filter(({ state }) => state.kind === 'absent')
      .map(({ path }) => path)
      .sort()
      .reverse();
    for (const path of gone) await removeTree(`${to}/${path}`);
    for (const { path, state } of staged
      .filter(({ state: { kind } }) => kind !== 'absent')
      .toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
      await this.#place(to, path, state);
    }
  }

  async #place(to: string, path: string, state: FileState): Promise<void> {
    const place = `${to}/${path}`;
    const { workspace, stage } = this.#parts;
    mkdirSync(folderOf(place), { recursive: true });
    if (state.kind === 'directory') {
      mkdirSync(place, { recursive: true });
      chmodSync(place, state.mode);
      return;
    }
    rmSync(place, { force: true });
    if (state.kind === 'symlink') return symlinkSync(state.target, place);
    if (state.kind !== 'file') return;
    const before = this.#given.get(path);
    // As it will be applied: a file that is replaced keeps its mode unless the step said another.
    const staged = stage.files.get(path);
    const mode =
      staged?.kind === 'write' && staged.mode === undefined && before?.kind === 'file' ? before.mode : state.mode;
    const small = stage.contents.get(state.content);
    if (small === undefined) return void (await workspace.blobs.copyTo(state.content, place, mode));
    writeFileSync(place, small);
    chmodSync(place, mode);
  }

  // ---- after -------------------------------------------------------------------------------------------------------

  /** Of a folder the command was given a part of: what it was not given keeps the folder. */
  #holdsMore(path: string): boolean {
    if (this.#base.get(path)?.kind !== 'directory') return false;
    const prefix = `${path}/`;
    return [...this.#given.keys()].some((other) => other.startsWith(prefix) && !this.#copied.has(other));
  }

  /** @throws HoldfastError for what no record could name, or nobody could apply */
  #mustBePossible(path: string, tree: Tree): void {
    const { workspace } = this.#parts;
    const now = tree.get(path);
    if (workspace.files.normalise(path) !== path)
      throw new HoldfastError('bad-input', `The command made "${path}", a name that cannot be recorded.`, { path });
    workspace.files.refuseReserved(path);
    const was = this.#base.get(path);
    if (now?.kind === 'other')
      throw new HoldfastError(
        'bad-input',
        `The command made "${path}", which is no file, folder or symbolic link; it cannot be recorded.`,
        { path },
      );
    if (now?.kind === 'symlink') mustStayInside(path, now.target!);
    if (was?.kind === 'symlink' && now?.kind === 'directory')
      throw new HoldfastError(
        'bad-input',
        `The command replaced the symbolic link "${path}" by a folder. Remove the link in a step of its own first.`,
        { path },
      );
    if (was?.kind === 'directory' && now !== undefined && now.kind !== 'directory' && this.#holdsMore(path))
      throw new HoldfastError(
        'bad-input',
        `The command replaced the folder "${path}", of which it was given only a part (paths).`,
        { path },
      );
    this.#mustBeUnlocked(path, tree);
  }

  /** Applying happens with this process's rights, and may not stop half-way. A folder that the command has locked is locked last. */
  #mustBeUnlocked(path: string, now: Tree): void {
    const parent = folderOf(path);
    const folder = [this.#base.get(parent), now.get(parent)].find((entry) => entry?.kind === 'directory');
    if (folder === undefined || (folder.mode & 0o300) === 0o300 || process.getuid?.() === 0) return;
    throw new HoldfastError(
      'permission-denied',
      `"${path}" is in a folder that its owner may not write to (mode ${folder.mode.toString(8)}); the command's change of it cannot be applied.`,
      { path },
    );
  }

  /** Undefined: it is what the command was given. */
  async #changeAt(
    to: string,
    path: string,
    now: TreeEntry | undefined,
    sighting: FileSighting,
  ): Promise<TreeChange | undefined> {
    const { workspace, stage } = this.#parts;
    if (sighting.outcome !== 'seen') throw cannotRead(path, sighting);
    const before = sighting.state;
    const staged = stage.stagedState(path);
    const wasGiven = staged !== undefined || this.#copied.has(path);
    if (!wasGiven && before.kind !== 'absent') {
      if (before.kind === 'directory' && now?.kind === 'directory') return undefined;
      throw new HoldfastError(
        'bad-input',
        `The command wrote "${path}", which is not among its paths and which the workspace has already. Add it to paths.`,
        { path },
      );
    }
    if (now?.kind !== 'file') {
      const after: FileState =
        now === undefined
          ? ABSENT
          : now.kind === 'symlink'
            ? { kind: 'symlink', target: now.target! }
            : { kind: 'directory', mode: now.mode };
      return sameState(staged ?? before, after) ? undefined : { path, before, after };
    }
    const { content, bytes, sizeBytes } = await contentOf(`${to}/${path}`);
    const after: FileState = { kind: 'file', sizeBytes, mode: now.mode, content };
    if (sameState(staged ?? before, after)) return undefined;
    const { secrets } = workspace;
    const where = `the file ${path} that the command wrote`;
    if (bytes !== undefined) secrets.refuse(bytes, where);
    if (bytes !== undefined && stage.contents.reserve(bytes.byteLength)) this.#small.set(content, bytes);
    else if (bytes !== undefined || secrets.isEmpty) this.#large.push(`${to}/${path}`);
    else await workspace.blobs.put(secrets.refusing(createReadStream(`${to}/${path}`), where));
    return { path, before, after };
  }
}

/** @throws HoldfastError `outside-workspace` */
function mustStayInside(path: string, target: string): void {
  const parts = target.startsWith('/')
    ? undefined
    : folderOf(path)
        .split('/')
        .filter((part) => part !== '');
  for (const part of parts === undefined ? [] : target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts!.push(part);
    else if (parts!.pop() === undefined) throw leadsOut(path, target);
  }
  if (parts === undefined) throw leadsOut(path, target);
}

function leadsOut(path: string, target: string): HoldfastError {
  return new HoldfastError(
    'outside-workspace',
    `The command made the symbolic link "${path}" → "${target}", which leads out of its copy${target.startsWith('/') ? ': it is absolute' : ''}. Expected a relative link that stays in the workspace. Nothing of it is applied.`,
    { path, target },
  );
}

function stampOf(path: string, { kind, mode, sizeBytes, inode, mtimeNs, ctimeNs, target }: TreeEntry): string {
  switch (kind) {
    case 'directory':
      return `${path}\0d${mode}`;
    case 'symlink':
      return `${path}\0l${target}`;
    default:
      return `${path}\0${kind}${mode} ${sizeBytes} ${inode} ${mtimeNs} ${ctimeNs}`;
  }
}
