/** How the demo tells what happens: numbered acts with their times. */
import type { Terminal } from '../src/cli/terminal.ts';

export class Story {
  readonly terminal: Terminal;
  readonly #write: (text: string) => void;
  readonly actsMs: { readonly title: string; readonly durationMs: number }[] = [];
  #begun: { readonly title: string; readonly atMs: number } | undefined;

  /** `aside`: everything goes to standard error. */
  constructor(terminal: Terminal, aside: boolean) {
    this.terminal = terminal;
    this.#write = aside ? (text) => terminal.err(text) : (text) => terminal.out(text);
  }

  line(text = ''): void {
    this.#write(`${text}\n`);
  }

  /** Below an act. */
  tell(text: string): void {
    for (const line of text.split('\n')) this.line(line === '' ? '' : `   ${line}`);
  }

  aside(text: string): void {
    this.tell(this.dim(text));
  }

  done(text: string): void {
    this.tell(`${this.terminal.style('green', '✔')} ${text}`);
  }

  failed(text: string): void {
    this.tell(`${this.terminal.style('red', '✖')} ${text}`);
  }

  act(title: string): void {
    this.endAct();
    this.#begun = { title, atMs: performance.now() };
    this.line();
    this.line(this.bold(`${this.actsMs.length + 1}  ${title}`));
  }

  endAct(): void {
    if (this.#begun === undefined) return;
    const { title, atMs } = this.#begun;
    this.#begun = undefined;
    this.actsMs.push({ title, durationMs: Math.round(performance.now() - atMs) });
    this.aside(seconds(performance.now() - atMs));
  }

  bold(text: string): string {
    return this.terminal.style('bold', text);
  }

  dim(text: string): string {
    return this.terminal.style('dim', text);
  }
}

export function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}
