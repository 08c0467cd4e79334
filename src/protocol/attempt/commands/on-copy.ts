/**
 * A command on a private copy of the workspace; what it changed there is staged.
 *
 * Invariants
 * 1. The command never writes the workspace: what it made of its copy goes through seal and apply like any file.
 * 2. What is staged rests on what the command was given: the workspace is looked at before and after, and whatever has
 *    changed in it meanwhile is either explained by the record or ends the attempt.
 * 3. Nothing is staged while a process of the command runs.
 * 4. Its result is durable before the code has it; a retry gets the same while what the command was given is the same.
 */
import {
  makeCommandFolder,
  removeCommandFolder,
  type CommandFolder,
} from '../../../effects/processes/command-folder.ts';
import type { Tree } from '../../../effects/files/tree.ts';
import { canonicalJson } from '../../../model/canonical-json.ts';
import { digestOf, sha256Hex, type Digest } from '../../../model/digest.ts';
import { commandText, type CommandRequest } from '../../../model/step/command.ts';
import type { CommandResult } from '../../../model/step/command-result.ts';
import { PathSelection } from '../../../model/step/path-selection.ts';
import { faultPointAsync } from '../../../store/fault-point.ts';
import type { Attempt } from '../attempt.ts';
import { takeName } from '../take-name.ts';
import { commandFailure, mustHaveEnded, resultOf } from './end.ts';
import { environmentOf, type Environment } from './environment.ts';
import { runCommand, storeLog } from './run.ts';
import { CommandTree } from './tree.ts';
import type { TreeChange } from './tree-change.ts';
import { treeDigest } from './tree-digest.ts';

/** What is recorded of a command that has ended well. */
interface CommandRecord {
  readonly result: CommandResult;
  readonly changes: readonly TreeChange[];
}

/** What a run of the command starts from. */
interface CommandStart {
  /** As it was looked at. */
  readonly workspace: Tree;
  readonly env: Environment;
  /** What the result depends on. */
  readonly reads: Digest;
}

export class CopiedCommand {
  readonly #attempt: Attempt;
  readonly #name: string;
  readonly #request: CommandRequest;
  readonly #selection: PathSelection;
  readonly #tree: CommandTree;

  constructor(attempt: Attempt, name: string, request: CommandRequest) {
    this.#attempt = attempt;
    this.#name = name;
    this.#request = request;
    this.#selection = new PathSelection(request.paths);
    const othersChange = new PathSelection(request.othersChange);
    this.#tree = new CommandTree(attempt, { selection: this.#selection, othersChange });
  }

  async run(): Promise<CommandResult> {
    const { claim, stage, signal, workspace } = this.#attempt;
    const { jobId, stepId } = claim.row;
    takeName(this.#attempt, this.#name, `ctx.command("${this.#name}")`);
    const env = environmentOf(this.#attempt, this.#request);
    const start: CommandStart = { env, ...(await this.#look()) };
    const { reads } = start;
    const known = await claim.recordedValue(this.#name);
    if (known !== undefined && known.reads === reads) {
      await this.#observe(start);
      return this.#stage(known.value);
    }
    if (known !== undefined)
      await claim.newDraft(
        [...stage.usedValues],
        `what command "${this.#name}" of step ${stepId} was given has changed since its result was recorded`,
      );
    signal.throwIfAborted();
    const folder = makeCommandFolder(workspace.directory, { jobId, step: stepId });
    try {
      return this.#stage(await this.#runIn(folder, start));
    } finally {
      await removeCommandFolder(folder);
    }
  }

  async #look(): Promise<Pick<CommandStart, 'workspace' | 'reads'>> {
    const workspace = await this.#tree.look();
    return { workspace, reads: this.#readsDigest(workspace) };
  }

  /** The canonical JSON of a `CommandRecord`, recorded. */
  async #runIn(folder: CommandFolder, start: CommandStart): Promise<string> {
    const { claim, signal, workspace } = this.#attempt;
    await this.#tree.copyTo(folder.tree, start.workspace, signal);
    await faultPointAsync('command.copied');
    const end = await runCommand(this.#attempt, this.#request, {
      marker: folder.id,
      folder: folder.path,
      cwd: this.#tree.folderIn(folder.tree, this.#request.cwd),
      env: start.env,
    });
    await faultPointAsync('command.ended');
    const log = await storeLog(this.#attempt, end);
    mustHaveEnded(this.#request, end, log);
    const failure = commandFailure(this.#request, resultOf(end, log, []), this.#tree.withheld);
    if (failure !== undefined) throw failure;
    await this.#observe(start);
    const changes = await this.#tree.changes(folder.tree);
    const record: CommandRecord = { result: resultOf(end, log, changes), changes };
    const text = canonicalJson(record, this.#name);
    workspace.secrets.refuse(text, `what is noted of the command ${this.#name}`);
    // Small contents are durable with the record that names them.
    await claim.recordValue(this.#name, text, start.reads, this.#tree.smallContents);
    await faultPointAsync('command.recorded');
    return text;
  }

  async #observe({ workspace }: CommandStart): Promise<void> {
    await this.#tree.observe(new PathSelection(this.#request.reads), workspace);
  }

  /** Stages what the command changed, as it was recorded. */
  #stage(recorded: string): CommandResult {
    const { stage, workspace } = this.#attempt;
    const { result, changes } = JSON.parse(recorded) as CommandRecord;
    stage.usedValues.add(this.#name);
    for (const { path, before, after } of changes) stage.put(path, after, stage.files.has(path) ? undefined : before);
    stage.commands.set(this.#name, sha256Hex(recorded));
    const changed = Object.entries(result.changed)
      .filter(([, count]) => count > 0)
      .map(([what, count]) => `${count} ${what}`)
      .join(', ');
    const command = workspace.secrets.redact(commandText(this.#request));
    const outcome = `exit code ${result.exitCode}${changed === '' ? '' : `; ${changed}`}`;
    const { withheld } = this.#tree;
    stage.logs.push({
      message: `${command}: ${outcome}${withheld === '' ? '' : `. ${withheld}`}`,
      fields: { command: this.#name, log: result.log.content },
    });
    return result;
  }

  /**
   * What the result depends on: the command itself, what it is given of the world, and what the step knew and staged.
   */
  #readsDigest(workspace: Tree): Digest {
    const { stage } = this.#attempt;
    return digestOf({
      request: this.#attempt.workspace.secrets.redactJson(this.#request),
      reads: stage.onceDigest(),
      tree: treeDigest(workspace, this.#selection),
      staged: [...stage.files.keys()].map((path) => ({ path, state: stage.stagedState(path)! })),
    });
  }
}
