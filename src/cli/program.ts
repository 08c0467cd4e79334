/** The program `holdfast`: its commands, its help, how it ends. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { describeCommand, EXIT, printFailure, printOutcome } from './command.ts';
import { COMMANDS, loadCommand } from './commands.ts';
import { EXIT_MEANING, type ExitCode } from './exit-code.ts';
import { Interrupted, type Terminal } from './terminal.ts';
import { HoldfastError } from '../model/failure.ts';
import { nearestName } from '../model/nearest-name.ts';

const DESCRIPTION =
  'Durable agent jobs on Temporal that carry on exactly where they were, ' +
  'or stop and show a person precisely what differs.';

/** Runs one command line (without `node` and the program's name) and returns its exit code. */
export async function runCli(argv: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const json = argv.includes('--json');
  const printed = { text: '' };
  try {
    const program = await buildProgram(argv, { terminal, printed, end: (outcomeCode) => (code = outcomeCode) });
    if (argv.length === 0) program.help();
    if (argv[0] === 'help') refuseUnknownTopic(argv[1]);
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    if (error instanceof CommanderError && error.code === 'commander.help') {
      terminal.err(printed.text);
      return EXIT.badInput;
    }
    if (error instanceof Interrupted) {
      terminal.err('\nNothing was decided.\n');
      return EXIT.interrupted;
    }
    return printFailure(terminal, error, json);
  }
}

/** Commander shows the whole help for a command that it doesn't know. @throws HoldfastError `bad-input` */
function refuseUnknownTopic(topic: string | undefined): void {
  const names = COMMANDS.map(({ name }) => name);
  if (topic === undefined || topic.startsWith('-') || names.includes(topic)) return;
  const near = nearestName(topic, names);
  const hint = near === undefined ? '' : ` Did you mean ${near}?`;
  throw new HoldfastError('bad-input', `There is no command "${topic}".${hint}`, {
    nextStep: `The commands are ${names.join(', ')}; \`holdfast --help\` tells what each does.`,
  });
}

interface ProgramOutput {
  readonly terminal: Terminal;
  /** What commander would print about wrong usage. */
  readonly printed: { text: string };
  readonly end: (code: ExitCode) => void;
}

/** Of the commands, only the one that is given is loaded; the others are listed. */
async function buildProgram(argv: readonly string[], { terminal, printed, end }: ProgramOutput): Promise<Command> {
  const program = new Command('holdfast')
    .description(DESCRIPTION)
    .version(version(), '-V, --version')
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      // Said once, by printFailure, with what to do.
      writeErr: (text) => (printed.text += text),
    })
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false, helpWidth: Math.min(terminal.columns, 110) })
    .addHelpText('after', HELP_AFTER);
  const given = argv[0] === 'help' ? argv[1] : argv[0];
  for (const listed of COMMANDS) {
    const command = program.command(listed.name).summary(listed.summary);
    if (listed.name !== given) {
      if (listed.usage !== undefined) command.arguments(listed.usage);
      continue;
    }
    const spec = await loadCommand(listed);
    describeCommand(command, { spec, summary: listed.summary, terminal }, (outcome, json) => {
      printOutcome(terminal, outcome, json);
      end(outcome.code);
    });
  }
  return program;
}

const HELP_AFTER = `
Begin:
  holdfast dev                      a Temporal server and a worker on this machine
  holdfast start plan.yaml --wait   in another terminal: start a job and follow it

Exit codes:
${Object.entries(EXIT_MEANING)
  .map(([code, meaning]) => `  ${code.padEnd(4)}${meaning}`)
  .join('\n')}

The connection is read as Temporal's own tools read it: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY,
TEMPORAL_TLS_*, TEMPORAL_PROFILE and temporal.toml. NO_COLOR switches colours off.`;

function version(): string {
  const { version: found } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return found;
}
