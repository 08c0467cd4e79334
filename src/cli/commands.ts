/**
 * All commands, in the order in which a newcomer needs them. A command's own module is loaded when the command is
 * given, so that `--help` waits for none.
 */
import type { CommandSpec } from './command.ts';

export interface ListedCommand {
  readonly name: string;
  /** Its arguments as commander writes them: `<job> [answer]`. */
  readonly usage?: string;
  readonly summary: string;
  readonly load: () => Promise<unknown>;
}

export const COMMANDS: readonly ListedCommand[] = [
  {
    name: 'dev',
    summary: 'a Temporal server and a worker in one, for this machine; Ctrl-C ends both',
    load: async () => (await import('./dev.ts')).devCommand,
  },
  {
    name: 'worker',
    summary: 'run a worker until Ctrl-C',
    load: async () => (await import('./worker.ts')).workerCommand,
  },
  {
    name: 'check',
    usage: '<plan>',
    summary: 'check a plan: every problem at once, with line, column and remedy',
    load: async () => (await import('./check.ts')).checkCommand,
  },
  {
    name: 'crash-test',
    usage: '<plan-or-workflow> [input...]',
    summary: 'kill the worker at every point that a job passes, and compare what the job left',
    load: async () => (await import('./crash-test.ts')).crashTestCommand,
  },
  {
    name: 'start',
    usage: '<plan> [input...]',
    summary: 'start a job that runs a plan',
    load: async () => (await import('./start.ts')).startCommand,
  },
  {
    name: 'resume',
    summary: 'start a job from its store of checkpoints, on any cluster',
    load: async () => (await import('./resume.ts')).resumeCommand,
  },
  { name: 'list', summary: 'list jobs, the newest first', load: async () => (await import('./list.ts')).listCommand },
  {
    name: 'status',
    usage: '<job>',
    summary: "show a job's steps, state and open questions",
    load: async () => (await import('./status.ts')).statusCommand,
  },
  {
    name: 'question',
    usage: '<job>',
    summary: 'show what a job asks: differences, answers, how to answer',
    load: async () => (await import('./question.ts')).questionCommand,
  },
  {
    name: 'decide',
    usage: '<job> [answer]',
    summary: 'answer a question; without an answer, show it and ask',
    load: async () => (await import('./decide.ts')).decideCommand,
  },
  {
    name: 'result',
    usage: '<job>',
    summary: 'show how a job ended, or that it has not',
    load: async () => (await import('./result.ts')).resultCommand,
  },
  {
    name: 'cancel',
    usage: '<job>',
    summary: 'ask a job to end; what is half applied is finished first',
    load: async () => (await import('./cancel.ts')).cancelCommand,
  },
  {
    name: 'wake',
    usage: '<job>',
    summary: 'let a job that is pinned to a version of its workers go on with the current one',
    load: async () => (await import('./wake.ts')).wakeCommand,
  },
  {
    name: 'verify',
    usage: '<workspace-or-job>',
    summary: 'compare the world with the record now; change nothing',
    load: async () => (await import('./verify.ts')).verifyCommand,
  },
  {
    name: 'log',
    usage: '<workspace-or-job>',
    summary: 'show what each record of the chain did',
    load: async () => (await import('./log.ts')).logCommand,
  },
  {
    name: 'diff',
    usage: '<workspace-or-job> [from] [to]',
    summary: 'show what a job changed: files, rows, schemas, state, calls; from its record alone',
    load: async () => (await import('./diff.ts')).diffCommand,
  },
  {
    name: 'checkpoints',
    usage: '[workspace-or-job]',
    summary: 'list the checkpoints of a job, newest first; tell how sound a file of them is',
    load: async () => (await import('./checkpoints.ts')).checkpointsCommand,
  },
  {
    name: 'state',
    usage: '<workspace-or-job>',
    summary: 'show what a job was at one of its checkpoints: values, what ran, what came next',
    load: async () => (await import('./state.ts')).stateCommand,
  },
  {
    name: 'rewind',
    usage: '<workspace-or-job>',
    summary: 'take a job back to one of its checkpoints, with its files and rows; or undo that',
    load: async () => (await import('./rewind.ts')).rewindCommand,
  },
  {
    name: 'update-state',
    usage: '<workspace-or-job>',
    summary: 'put in by hand what a step of a running job comes to: its output, what it writes to the state',
    load: async () => (await import('./update-state.ts')).updateStateCommand,
  },
  {
    name: 'fork',
    usage: '[workspace-or-job]',
    summary: 'start a new job with the state, files and rows of another one at one of its checkpoints',
    load: async () => (await import('./fork.ts')).forkCommand,
  },
  {
    name: 'export',
    usage: '<workspace-or-job>',
    summary: 'make a git repository of what a job did, a commit a step',
    load: async () => (await import('./export.ts')).exportCommand,
  },
  {
    name: 'gc',
    usage: '[folder]',
    summary: 'remove what nobody needs any more: records of ended jobs as their plans say, contents, old checkpoints',
    load: async () => (await import('./gc.ts')).gcCommand,
  },
  {
    name: 'doctor',
    usage: '[workspace]',
    summary: 'check server, namespace, search attributes, worker, workspace, record and databases',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
  {
    name: 'keys',
    usage: '<action>',
    summary: 'make a key that payloads are encrypted with',
    load: async () => (await import('./keys.ts')).keysCommand,
  },
  {
    name: 'codec-server',
    summary: "let Temporal's UI and command line show encrypted payloads, until Ctrl-C",
    load: async () => (await import('./codec-server.ts')).codecServerCommand,
  },
];

/** With its options, examples and code. */
export async function loadCommand({ load }: ListedCommand): Promise<CommandSpec<object>> {
  return (await load()) as CommandSpec<object>;
}
