/** How much of a file is a sound checkpoint, for people and as data. The file is read, and nothing in it is loaded. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { counted } from '../model/counted.ts';
import { HoldfastError } from '../model/failure.ts';
import { readableName } from '../model/readable-line.ts';
import { shellWord } from '../model/shell-word.ts';
import { systemFailureType } from '../model/error-table.ts';
import { MAX_STORED_BYTES } from '../store/sealed/format.ts';
import { inspectSealed, type SealReport } from '../store/sealed/inspect.ts';

/** A report on a file, as `--json` has it. */
export interface InspectedFile extends SealReport {
  readonly file: string;
  readonly isSound: boolean;
}

const MAX_STRETCHES_SHOWN = 8;
const LABEL_WIDTH = 11;

/** @throws HoldfastError `not-found`, `bad-input`, `too-large`, `permission-denied` */
export function inspectFile(folder: string, name: string): { readonly data: InspectedFile; readonly text: string } {
  const file = path.resolve(folder, name);
  const report = inspectSealed(bytesOf(file, name));
  const data = { file, isSound: report.damage === undefined, ...report };
  return { data, text: reportText(data) };
}

function bytesOf(file: string, name: string): Buffer {
  let descriptor: number;
  try {
    // A pipe without a writer would be waited for.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw unreadable(file, name, error);
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile())
      throw new HoldfastError('bad-input', `"${file}" is no file. Expected the file of a checkpoint.`);
    if (stat.size > MAX_STORED_BYTES)
      throw new HoldfastError(
        'too-large',
        `"${file}" has ${stat.size} bytes: no checkpoint is so large. Expected at most ${MAX_STORED_BYTES}.`,
        { file, sizeBytes: stat.size, nextStep: 'Give it the file of a checkpoint, `0000000012.sealed` for example.' },
      );
    return readFileSync(descriptor);
  } catch (error) {
    throw unreadable(file, name, error);
  } finally {
    closeSync(descriptor);
  }
}

function unreadable(file: string, name: string, error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  if (code === 'ENOENT')
    return new HoldfastError('not-found', `There is no file "${file}".`, {
      file,
      nextStep: `Look for it: ls ${shellWord(path.dirname(name))}`,
    });
  return new HoldfastError(
    systemFailureType(code),
    `Could not read "${file}": ${code}.`,
    { file, code, nextStep: `Look at its permissions: ls -l ${shellWord(name)}` },
    { cause: error },
  );
}

/** First what matters, then each thing that is known. */
function reportText(report: InspectedFile): string {
  const { header, damage, expectedBytes } = report;
  const size = counted(report.bytes, 'byte');
  const rows: (readonly [string, string])[] = [];
  if (damage !== undefined) rows.push(['damage', `${damage.what}: expected ${damage.expected}, found ${damage.found}`]);
  if (header !== undefined) {
    const { kind, schemaVersion, codec, writer } = header;
    rows.push(['is', `a sealed ${kind} of version ${schemaVersion}, written by "${readableName(writer)}"`]);
    rows.push([
      'holds',
      `${counted(header.size, 'byte')}, stored as ${counted(header.stored, 'byte')} (codec ${codec})`,
    ]);
  }
  if (expectedBytes !== undefined && expectedBytes !== report.bytes)
    rows.push(['length', `${size}; it should have ${expectedBytes}`]);
  if (report.damaged.length > 0 && header !== undefined) rows.push(['not sound', stretches(report)]);
  for (const one of report.untold) rows.push(['untold', one]);
  const lines = rows.map(([label, text]) => `  ${label.padEnd(LABEL_WIDTH)}${readableName(text)}`);
  return [`${readableName(report.file)}: ${verdict(report)}`, ...lines, 'Nothing in it was loaded or changed.'].join(
    '\n',
  );
}

function verdict({ damage, bytes, soundBytes }: InspectedFile): string {
  const size = counted(bytes, 'byte');
  if (damage === undefined) return `sound, all ${size} of it.`;
  if (damage.kind === 'foreign') return 'no checkpoint.';
  if (damage.kind === 'unknown-format') return `not readable by this version: ${damage.what} is ${damage.found}.`;
  return (
    `not sound (${KIND_TEXT[damage.kind]}). Sound up to byte ${soundBytes} of ${bytes}; ` +
    `the damage begins at byte ${damage.at}.`
  );
}

const KIND_TEXT = {
  'cut-short': 'cut short',
  altered: 'altered',
  zeroed: 'zeros where there should be none',
  extended: 'something follows its end',
} as const;

function stretches({ damaged }: InspectedFile): string {
  const shown = damaged
    .filter(({ from, to }) => to > from)
    .slice(0, MAX_STRETCHES_SHOWN)
    .map(({ from, to }) => (to - from === 1 ? `byte ${from}` : `bytes ${from} to ${to - 1}`));
  if (shown.length === 0) return 'what is missing at its end';
  const more = damaged.length - MAX_STRETCHES_SHOWN;
  return `${shown.join(', ')}${more > 0 ? `, and ${more} more` : ''}; the rest is sound`;
}
