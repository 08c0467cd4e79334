/** The last line that a command has printed, now and then, as text for a person. */
const PAUSE_BETWEEN_LINES_MS = 500;
const MAX_LINE_CHARACTERS = 200;

/** What moves a terminal's cursor or colours it. */
// oxlint-disable-next-line no-control-regex -- control characters are what is taken out
const ESCAPE_SEQUENCE = /\u001b\[[0-?]*[ -/]*[@-~]/g;
// oxlint-disable-next-line no-control-regex -- the same
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/g;

export class LastLine {
  readonly #tell: (line: string) => void;
  /** The line that has begun and not ended, or the end of it. */
  #rest = '';
  #toldAtMs = -PAUSE_BETWEEN_LINES_MS;

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  add(chunk: Buffer): void {
    const lines = `${this.#rest}${chunk.subarray(-4 * MAX_LINE_CHARACTERS).toString()}`.split(/[\r\n]+/);
    this.#rest = lines.pop()!.slice(-2 * MAX_LINE_CHARACTERS);
    const last = lines.map(plainLine).findLast((line) => line !== '');
    if (last === undefined || performance.now() - this.#toldAtMs < PAUSE_BETWEEN_LINES_MS) return;
    this.#toldAtMs = performance.now();
    this.#tell(last.length <= MAX_LINE_CHARACTERS ? last : `${last.slice(0, MAX_LINE_CHARACTERS)}…`);
  }
}

function plainLine(line: string): string {
  return line.replace(ESCAPE_SEQUENCE, '').replace(CONTROL_CHARACTER, ' ').trim();
}
