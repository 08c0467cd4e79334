/**
 * `ctx.command`: on a private copy of the workspace; what it changed there is staged.
 *
 * Invariants
 * 1. The workspace is never written by this: what the command made of its copy goes through seal and apply like any file.
 * 2. What is staged rests on what the command was given: the workspace is looked at before and after, and whatever has
 *    changed in it meanwhile is either explained by the record or ends the attempt.
 * 3. Nothing is staged while a process of the command is left.
 * 4. Its result is durable before the code has it; a retry gets the same while what the command was given is the same.
 */
import { commandText, parseCommand, type CommandRequest } from '../../../model/step/command.ts';
import { PathSelection } from '../../../model/step/path-selection.ts';
import type { CommandResult } from '../../../model/step/command-result.ts';
import { canonicalJson } from '../../../model/canonical-json.ts';
import { digestOf, sha256Hex, type Digest } from '../../../model/digest.ts';
import { HoldfastError } from '../../../model/failure.ts';
import type { CommandOptions } from '../../../model/step/step-command.ts';
import {
  makeCommandFolder,
  removeCommandFolder,
  removeDeadCommands,
  type CommandFolder,
} from '../../../effects/processes/command-folder.ts';
import type { Tree } from '../../../effects/files/tree.ts';
import { faultPointAsync } from '../../../store/fault-point.ts';
import { commandFailure, environmentOf, keepLog, mustHaveEnded, resultOf, runIn } from './end.ts';
import { commandInPlace } from './in-place.ts';
import { CommandTree, type TreeChange } from './tree.ts';
import type { Attempt } from '../attempt.ts';

/** Runs a command, or answers from the record. Await it. */
export function command(
  parts: Attempt,
  run: readonly string[] | string,
  options?: CommandOptions,
): Promise<CommandResult> {
  const { stage, claim } = parts;
  if (stage.isOver)
    return Promise.reject(
      new HoldfastError(
        'fenced',
        `Step ${claim.row.stepId} has ended; ctx.command came after its end and is not run. Await what the step calls.`,
      ),
    );
  const work = begin(parts, run, options);
  const ending = work.catch(() => undefined);
  stage.runningCommands.add(ending);
  void ending.finally(() => stage.runningCommands.delete(ending));
  return work;
}

async function begin(
  parts: Attempt,
  run: readonly string[] | string,
  options?: CommandOptions,
): Promise<CommandResult> {
  // A call of this attempt is in doubt: nothing more is begun, whatever the code made of it.
  if (parts.stage.mustEnd !== undefined) throw parts.stage.mustEnd.error;
  const { request, name: given, inDoubt } = parseCommand(run, options);
  const name = given ?? nextName(parts);
  await removeDeadCommands(parts.workspace.directory);
  if (request.inPlace) return await commandInPlace(parts, name, request, inDoubt ?? 'ask');
  return await new CopiedCommand(parts, name, request).run();
}

function nextName({ stage }: Attempt): string {
  for (let count = 1; ; count++) if (!stage.takenNames.has(`command#${count}`)) return `command#${count}`;
}

/** What is recorded of a command that has ended well. */
interface Recorded {
  readonly result: CommandResult;
  readonly changes: readonly TreeChange[];
}

class CopiedCommand {
  readonly #parts: Attempt;
  readonly #name: string;
  readonly #request: CommandRequest;
  readonly #tree: CommandTree;

  constructor(parts: Attempt, name: string, request: CommandRequest) {
    this.#parts = parts;
    this.#name = name;
    this.#request = request;
    this.#tree = new CommandTree(parts, new PathSelection(request.paths), new PathSelection(request.othersChange));
  }

  async run(): Promise<CommandResult> {
    const { claim, stage, signal } = this.#parts;
    this.#takeName();
    const env = environmentOf(this.#parts, this.#request);
    const before = await this.#tree.look();
    const reads = this.#readsDigest(before);
    const known = await claim.recordedValue(this.#name);
    if (known !== undefined && known.reads === reads) {
      await this.#tree.observe(new PathSelection(this.#request.reads), before);
      return this.#take(known.value);
    }
    if (known !== undefined)
      await claim.newDraft(
        [...stage.usedValues],
        `what command "${this.#name}" of step ${claim.row.stepId} was given has changed since its result was recorded`,
      );
    signal.throwIfAborted();
    const folder = makeCommandFolder(this.#parts.workspace.directory, claim.row.stepId);
    try {
      return this.#take(await this.#runIn(folder, before, env, reads));
    } finally {
      await removeCommandFolder(folder);
    }
  }

  async #runIn(
    folder: CommandFolder,
    before: Tree,
    env: Readonly<Record<string, string>>,
    reads: Digest,
  ): Promise<string> {
    const { claim, signal } = this.#parts;
    await this.#tree.copyTo(folder.tree, before, signal);
    await faultPointAsync('command.copied');
    const end = await runIn(this.#parts, this.#request, env, {
      marker: folder.id,
      folder: folder.path,
      cwd: this.#tree.folderIn(folder.tree, this.#request.cwd),
    });
    await faultPointAsync('command.ended');
    const log = await keepLog(this.#parts, end);
    mustHaveEnded(this.#request, end, log);
    const failure = commandFailure(this.#request, resultOf(end, log, []));
    if (failure !== undefined) throw failure;
    await this.#tree.observe(new PathSelection(this.#request.reads), before);
    const changes = await this.#tree.changes(folder.tree);
    const recorded = canonicalJson({ result: resultOf(end, log, changes), changes } satisfies Recorded, this.#name);
    this.#parts.workspace.secrets.refuse(recorded, `what is noted of the command ${this.#name}`);
    // Small contents are durable with the record that names them.
    await claim.recordValue(this.#name, recorded, reads, this.#tree.contents());
    await faultPointAsync('command.recorded');
    return recorded;
  }

  #take(recorded: string): CommandResult {
    const { stage } = this.#parts;
    const { result, changes } = JSON.parse(recorded) as Recorded;
    stage.usedValues.add(this.#name);
    for (const { path, before, after } of changes) stage.put(path, after, stage.files.has(path) ? undefined : before);
    stage.commands.set(this.#name, sha256Hex(recorded));
    const changed = Object.entries(result.changed)
      .filter(([, count]) => count > 0)
      .map(([what, count]) => `${count} ${what}`)
      .join(', ');
    stage.logs.push({
      message: `${this.#parts.workspace.secrets.redact(commandText(this.#request))}: exit code ${result.exitCode}${changed === '' ? '' : `; ${changed}`}`,
      fields: { log: result.log.content },
    });
    return result;
  }

  /** What its result depends on: the command itself, what it is given of the world, and what the step knew and staged. */
  #readsDigest(before: Tree): Digest {
    const { stage } = this.#parts;
    return digestOf({
      request: this.#parts.workspace.secrets.redactJson(this.#request),
      reads: stage.onceDigest(),
      tree: this.#tree.digest(before),
      staged: [...stage.files.keys()].map((path) => ({ path, state: stage.stagedState(path)! })),
    });
  }

  #takeName(): void {
    const { stage, claim } = this.#parts;
    if (stage.takenNames.has(this.#name))
      throw new HoldfastError(
        'once-name-twice',
        `ctx.command("${this.#name}"): step ${claim.row.stepId} has used the name before.`,
        { name: this.#name },
      );
    stage.takenNames.add(this.#name);
  }
}
