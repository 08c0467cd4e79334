/** A terminal for tests of the command line: it collects the output and gives prepared answers. */
import { runCli } from '../../src/cli/program.ts';
import { Interrupted, type Terminal } from '../../src/cli/terminal.ts';

export interface TerminalOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A person's terminal that gives these answers, then ends its input. Default: no terminal. */
  readonly answers?: readonly string[];
  readonly isTty?: boolean;
  readonly input?: string;
  readonly interrupt?: AbortSignal;
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Standard output as the one JSON document that it has to be. */
  json<T = unknown>(): T;
}

/** Runs one command line in this process. */
export async function cli(args: readonly string[], options: TerminalOptions = {}): Promise<Ran> {
  const written = { out: '', err: '' };
  const answers = [...(options.answers ?? [])];
  const isInteractive = options.answers !== undefined;
  const terminal: Terminal = {
    cwd: options.cwd ?? process.cwd(),
    env: options.env ?? {},
    isTty: options.isTty ?? isInteractive,
    isInteractive,
    columns: 100,
    out: (text) => void (written.out += text),
    err: (text) => void (written.err += text),
    style: (_style, text) => text,
    ask(question) {
      const answer = answers.shift();
      written.out += `${question}${answer ?? ''}\n`;
      return answer === undefined ? Promise.reject(new Interrupted()) : Promise.resolve(answer);
    },
    readInput: () => Promise.resolve(options.input ?? ''),
    onInterrupt: () => options.interrupt ?? new AbortController().signal,
  };
  const code = await runCli(args, terminal);
  return { code, ...written, json: <T>() => JSON.parse(written.out) as T };
}
