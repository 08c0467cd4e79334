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
import { commandText, parseCommand, PathSelection, MAX_COMMAND_LOG_BYTES, MAX_COMMAND_TEXT_BYTES, type CommandRequest, type CommandResult } from '../../model/command.ts';
import { canonicalJson } from '../../model/canonical-json.ts';
import { digestOf, type Digest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { CommandOptions } from '../../model/step-context.ts';
import type { FileState } from '../../model/world.ts';
import { makeCommandFolder, removeCommandFolder, removeDeadCommands, type CommandFolder } from '../../effects/command-folder.ts';
import { namesOf } from '../../effects/process-leftovers.ts';
import { runProcess, type ProcessEnd } from '../../effects/process-run.ts';
import type { Tree } from '../../effects/tree.ts';
import { faultPointAsync } from '../../store/fault-point.ts';
import { commandInPlace } from './command-in-place.ts';
import { CommandTree, type TreeChange } from './command-tree.ts';
import type { ContextParts } from './context.ts';

/** Where the worker has none. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const LAST_LINES = 10;
const MAX_LAST_LINES_CHARACTERS = 1_500;

/** Runs a command, or answers from the record. Await it. */
export function command(parts: ContextParts, run: readonly string[] | string, options?: CommandOptions): Promise<CommandResult> {
  const { stage, claim } = parts;
  if (stage.isOver) return Promise.reject(new HoldfastError('fenced', `Step ${claim.row.stepId} has ended; ctx.command came after its end and is not run. Await what the step calls.`));
  const work = begin(parts, run, options);
  const ending = work.catch(() => undefined);
  stage.ending.add(ending);
  void ending.finally(() => stage.ending.delete(ending));
  return work;
}

async function begin(parts: ContextParts, run: readonly string[] | string, options?: CommandOptions): Promise<CommandResult> {
  const { request, name: given, inDoubt } = parseCommand(run, options);
  const name = given ?? nextName(parts);
  await removeDeadCommands(parts.workspace.directory);
  if (request.inPlace) return await commandInPlace(parts, name, request, inDoubt ?? 'ask');
  return await new CopiedCommand(parts, name, request).run();
}

function nextName({ stage }: ContextParts): string {
  for (let count = 1; ; count++) if (!stage.onceNames.has(`command#${count}`)) return `command#${count}`;
}

/** What is recorded of a command that has ended well. */
interface Recorded {
  readonly result: CommandResult;
  readonly changes: readonly TreeChange[];
}

class CopiedCommand {
  readonly #parts: ContextParts;
  readonly #name: string;
  readonly #request: CommandRequest;
  readonly #tree: CommandTree;

  constructor(parts: ContextParts, name: string, request: CommandRequest) {
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
    const known = await claim.once(this.#name);
    if (known !== undefined && known.reads === reads) {
      await this.#tree.observe(new PathSelection(this.#request.reads), before);
      return this.#take(JSON.parse(known.value) as Recorded);
    }
    if (known !== undefined) await claim.newDraft([...stage.onceUsed], `what command "${this.#name}" of step ${claim.row.stepId} was given has changed since its result was recorded`);
    signal.throwIfAborted();
    const folder = makeCommandFolder(this.#parts.workspace.directory, claim.row.stepId);
    try {
      return this.#take(await this.#runIn(folder, before, env, reads));
    } finally {
      removeCommandFolder(folder);
    }
  }

  async #runIn(folder: CommandFolder, before: Tree, env: Readonly<Record<string, string>>, reads: Digest): Promise<Recorded> {
    const { claim, signal } = this.#parts;
    await this.#tree.copyTo(folder.tree, before, signal);
    await faultPointAsync('command.copied');
    const end = await runIn(this.#parts, this.#request, env, { marker: folder.id, folder: folder.path, cwd: this.#tree.folderIn(folder.tree, this.#request.cwd) });
    await faultPointAsync('command.ended');
    const log = await keepLog(this.#parts, end);
    mustHaveEndedWell(this.#request, end, log);
    await this.#tree.observe(new PathSelection(this.#request.reads), before);
    const changes = await this.#tree.changes(folder.tree);
    const recorded: Recorded = { result: resultOf(end, log, changes), changes };
    // Small contents are durable with the record that names them.
    await claim.recordOnce(this.#name, canonicalJson(recorded, this.#name), reads, this.#tree.contents());
    await faultPointAsync('command.recorded');
    return recorded;
  }

  #take({ result, changes }: Recorded): CommandResult {
    const { stage } = this.#parts;
    stage.onceUsed.add(this.#name);
    for (const { path, before, after } of changes) stage.put(path, after, stage.files.has(path) ? undefined : before);
    stage.commands.set(this.#name, digestOf({ result, changes }));
    const changed = Object.entries(result.changed).filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`).join(', ');
    stage.logs.push({ message: `${commandText(this.#request)}: exit code ${result.exitCode}${changed === '' ? '' : `; ${changed}`}`, fields: { log: result.log.content } });
    return result;
  }

  /** What its result depends on: the command itself, what it is given of the world, and what the step knew and staged. */
  #readsDigest(before: Tree): Digest {
    const { stage } = this.#parts;
    return digestOf({ request: this.#request, reads: stage.readsDigest(), tree: this.#tree.digest(before), staged: [...stage.files.keys()].map((path) => ({ path, state: stage.stagedState(path)! })) });
  }

  #takeName(): void {
    const { stage, claim } = this.#parts;
    if (stage.onceNames.has(this.#name)) throw new HoldfastError('once-name-twice', `ctx.command("${this.#name}"): step ${claim.row.stepId} has used the name before.`, { name: this.#name });
    stage.onceNames.add(this.#name);
  }
}

// ---- shared with a command in place ------------------------------------------------------------------------------------

export async function runIn(parts: ContextParts, request: CommandRequest, env: Readonly<Record<string, string>>, place: { readonly marker: string; readonly folder?: string; readonly cwd: string }): Promise<ProcessEnd> {
  const { caller, signal } = parts;
  caller.progress(commandText(request));
  return await runProcess({
    ...place, argv: request.argv, env, signal, timeoutMs: request.timeoutMs, killGraceMs: request.killGraceMs, maxOutputBytes: request.maxOutputBytes,
    maxTextBytes: MAX_COMMAND_TEXT_BYTES, maxLogBytes: MAX_COMMAND_LOG_BYTES, onLine: (line) => caller.progress(line),
  });
}

/** Exactly what the request names. @throws HoldfastError `missing-variable` */
export function environmentOf({ env, workspace, claim }: ContextParts, request: CommandRequest): Readonly<Record<string, string>> {
  const inherited = request.envFrom.filter((name) => !Object.hasOwn(request.env, name)).map((name) => {
    const value = env[name] ?? (name === 'PATH' ? DEFAULT_PATH : undefined);
    if (value === undefined) throw new HoldfastError('missing-variable', `A command of step ${claim.row.stepId} is to be given ${name}, and the worker's environment has no ${name}.`, { name });
    return [name, value] as const;
  });
  // A copy without the repository's own folder must not be taken for a part of the workspace's repository.
  const git = request.inPlace ? {} : { GIT_CEILING_DIRECTORIES: `${workspace.directory}/commands` };
  return { ...git, ...Object.fromEntries(inherited), ...request.env };
}

export async function keepLog({ workspace }: ContextParts, { log }: ProcessEnd): Promise<CommandResult['log']> {
  const { content } = await workspace.blobs.put(log.bytes());
  return { content, sizeBytes: log.sizeBytes, droppedBytes: log.droppedBytes };
}

/** @throws HoldfastError `processes-left`, `too-large`, `step-timeout`, `command-failed` */
export function mustHaveEndedWell(request: CommandRequest, end: ProcessEnd, log: CommandResult['log']): void {
  const text = commandText(request);
  const details = { command: text, exitCode: end.exitCode, signal: end.signal, log: log.content };
  const lines = (end.stderr.sizeBytes > 0 ? end.stderr : end.stdout).lastLines(LAST_LINES, MAX_LAST_LINES_CHARACTERS);
  const said = lines === '' ? ' It printed nothing.' : ` Its last lines:\n${lines}\n(its output is kept as blob ${log.content.slice(0, 12)})`;
  const nothing = request.inPlace ? '' : ' Nothing of it is applied.';
  if (end.killed === 'too-much-output') throw new HoldfastError('too-large', `\`${text}\` printed more than ${request.maxOutputBytes} bytes (maxOutputBytes) and was killed.${nothing}${said}`, details);
  if (end.killed === 'timeout') throw new HoldfastError('step-timeout', `\`${text}\` did not end within ${request.timeoutMs} ms and was killed.${nothing}${said}`, details);
  if (end.killed === 'aborted') throw new HoldfastError('cancelled', `\`${text}\` was killed: its step was cancelled, ran out of time, or its worker stops.${nothing}`, details);
  if (end.leftBehind.length > 0) throw new HoldfastError('processes-left', `\`${text}\` ended and leaves processes behind: ${namesOf(end.leftBehind)}. They were killed.${nothing} A command must have ended when its first process has.`, details);
  if (end.exitCode === null) throw new HoldfastError('command-failed', `\`${text}\` was ended by ${end.signal ?? 'a signal'}.${nothing}${said}`, details);
  if (!request.okExitCodes.includes(end.exitCode)) throw new HoldfastError('command-failed', `\`${text}\` ended with exit code ${end.exitCode}; expected ${request.okExitCodes.join(' or ')}.${nothing}${said}`, details);
}

export function resultOf(end: ProcessEnd, log: CommandResult['log'], changes: readonly { readonly after: FileState }[]): CommandResult {
  const count = (kind: FileState['kind']): number => changes.filter(({ after }) => after.kind === kind).length;
  return {
    exitCode: end.exitCode!,
    stdout: end.stdout.text(),
    stderr: end.stderr.text(),
    droppedBytes: end.stdout.droppedBytes + end.stderr.droppedBytes,
    log,
    changed: { written: count('file'), removed: count('absent'), folders: count('directory'), links: count('symlink') },
  };
}

