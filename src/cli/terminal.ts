/**
 * Where a command reads and writes. Commands get it as an argument, so that a test gives its own.
 *
 * Invariants
 * 1. Standard output carries the answer and nothing else; progress and warnings go to standard error.
 * 2. Nobody is asked anything unless both input and output are a person's terminal.
 */
import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';

export type Style = Parameters<typeof styleText>[0];

export interface Terminal {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard output is a terminal: things may be redrawn in place. */
  readonly isTty: boolean;
  /** Somebody is there to be asked. */
  readonly isInteractive: boolean;
  readonly columns: number;
  out(text: string): void;
  err(text: string): void;
  /** Colours where the terminal has them and NO_COLOR is not set. */
  style(style: Style, text: string): string;
  /** One line from the person. */
  ask(question: string): Promise<string>;
  /** All of standard input. */
  readInput(): Promise<string>;
  /**
   * Aborted by the first Ctrl-C or SIGTERM; a second ends the process at once. Until it is called, the first one does.
   */
  onInterrupt(): AbortSignal;
}

/** The person ended the command instead of answering. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** Of this process. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr, env } = process;
  // A reader that has seen enough (`| head`) is no failure.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
  let interrupt: AbortController | undefined;
  const isColoured = usesColour(env, stdout.isTTY === true);
  return {
    cwd: process.cwd(),
    env,
    isTty: stdout.isTTY === true,
    isInteractive: stdin.isTTY === true && stdout.isTTY === true,
    get columns() {
      return stdout.columns ?? 100;
    },
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    style: (style, text) => (isColoured ? styleText(style, text, { validateStream: false }) : text),
    async ask(question) {
      const reader = createInterface({ input: stdin, output: stdout });
      const close = (): void => reader.close();
      interrupt?.signal.addEventListener('abort', close);
      try {
        // Ctrl-C, a signal from elsewhere and the end of the input close the reader without an answer.
        const closed = new Promise<never>((_, reject) => reader.once('close', () => reject(new Interrupted())));
        return (await Promise.race([reader.question(question), closed])).trim();
      } finally {
        interrupt?.signal.removeEventListener('abort', close);
        reader.close();
      }
    },
    async readInput() {
      let text = '';
      stdin.setEncoding('utf8');
      for await (const chunk of stdin) text += String(chunk);
      return text;
    },
    onInterrupt() {
      if (interrupt !== undefined) return interrupt.signal;
      const controller = new AbortController();
      interrupt = controller;
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        process.on(signal, () => {
          if (controller.signal.aborted) process.exit(130);
          controller.abort();
        });
      }
      return controller.signal;
    },
  };
}

/** https://no-color.org: any value that is not empty switches colours off. */
export function usesColour(env: Readonly<Record<string, string | undefined>>, isTty: boolean): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  if ((env['FORCE_COLOR'] ?? '') !== '') return env['FORCE_COLOR'] !== '0';
  return isTty && env['TERM'] !== 'dumb';
}

const SLOW_AFTER_MS = 1_000;

/** Says on standard error how far it has come, once a second. @returns what is told each time */
export function onceASecond<T extends readonly unknown[]>(
  terminal: Terminal,
  textOf: (...told: T) => string,
): (...told: T) => void {
  let saidMs = performance.now();
  return (...told) => {
    if (performance.now() - saidMs < SLOW_AFTER_MS) return;
    saidMs = performance.now();
    terminal.err(`${textOf(...told)}\n`);
  };
}

/** How many there are by now. */
export function countWhileSlow(terminal: Terminal, what: string): (count: number) => void {
  return onceASecond(terminal, (count: number) => `${count.toLocaleString('en-US')} ${what} …`);
}

/** Says on standard error what is being waited for, once that has taken a second. */
export async function whileSlow<T>(terminal: Terminal, what: string, work: Promise<T>): Promise<T> {
  const timer = setTimeout(() => terminal.err(`${what} …\n`), SLOW_AFTER_MS);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}
