/** A run with a fault against the undisturbed one: effects first, which name their cause; then what is left. Pure. */
import type { Json } from '../model/canonical-json.ts';
import type { Trace } from './child/order.ts';
import { compareEffects } from './compare-effects.ts';
import type { Difference } from './difference.ts';
import { differingPaths, folderOf, isSame, projected, valueAt, type Reference } from './reference.ts';
import type { Run } from './ran.ts';

const MAX_TEXT = 200;
const IN_MEMORY =
  'What it leaves depends on the process that runs it. Keep nothing between attempts and steps in variables of a ' +
  'module: hand it on by outputs or state, and what must not change by ctx.once.';

export function compareRun(reference: Reference, run: Run): readonly Difference[] {
  const effects = compareEffects(reference.run, run);
  const explained = (target: string): boolean => effects.some(({ what }) => what.endsWith(target));
  const left = [...compareFiles(reference, run), ...compareTables(reference, run)].filter(
    ({ what }) => !explained(what.replace(/^\w+:/, '')),
  );
  return [...effects, ...left, ...compareEnds(reference, run)];
}

function compareFiles(reference: Reference, run: Run): readonly Difference[] {
  const { files } = run.world;
  const known = [...reference.files].flatMap(([name, { left, isSteady, hasSteadyLength }]) => {
    const found = files[name];
    if (found === undefined) return [aboutFile(run, name, describe(left), 'nothing')];
    if (isSteady ? isSame(left, found) : !hasSteadyLength || left.lines === found.lines) return [];
    return [aboutFile(run, name, describe(left), describe(found))];
  });
  const others = new Map<string, string[]>();
  for (const name of Object.keys(files)) {
    if (reference.files.has(name)) continue;
    others.set(folderOf(name), [...(others.get(folderOf(name)) ?? []), name]);
  }
  const folders = new Set([...others.keys(), ...reference.unsteadyFiles.keys()]);
  const counted = [...folders].flatMap((folder) => {
    const expected = reference.unsteadyFiles.get(folder) ?? 0;
    const found = others.get(folder) ?? [];
    if (found.length === expected) return [];
    if (expected === 0) return found.map((name) => aboutFile(run, name, 'nothing', describe(files[name]!)));
    const text = `${found.length} of them: ${found.slice(0, 5).join(', ')}`;
    return [aboutFile(run, folder, `${expected} files of names that differ each time`, text)];
  });
  return [...known, ...counted];
}

function describe({ kind, mode, lines, sizeBytes, text, digest }: Run['world']['files'][string]): string {
  if (kind !== 'file') return `${kind} ${mode}`;
  const shown = text === undefined || text.length > MAX_TEXT ? digest.slice(0, 12) : JSON.stringify(text);
  return `${sizeBytes} bytes, ${lines} lines: ${shown}`;
}

function aboutFile(run: Run, name: string, expected: string, found: string): Difference {
  const isIts = (file: string): boolean => name === file || name.endsWith(`/${file}`);
  const relative = name.replace(/^workspace\//, '');
  const maker = run.traces.findLast(
    (trace) =>
      (trace.kind === 'staged' && trace.target.startsWith('file:') && isIts(trace.target.slice('file:'.length))) ||
      (trace.kind === 'outside' && run.rename(trace.target).endsWith(relative)),
  );
  const advice = maker?.kind === 'outside' ? 'Write it by ctx.files, which applies it once.' : IN_MEMORY;
  return { kind: 'file', what: `file:${name}`, expected, found, advice, ...placeOf(run, maker) };
}

function compareTables(reference: Reference, run: Run): readonly Difference[] {
  const names = new Set([...reference.tables.keys(), ...Object.keys(run.world.tables)]);
  return [...names].flatMap((name): Difference[] => {
    const { rows: wanted, columns } = reference.tables.get(name) ?? { rows: [], columns: undefined };
    const found = run.world.tables[name] ?? [];
    const [before, after] = [projected(wanted, columns), projected(found, columns)];
    if (before.join('\n') === after.join('\n')) return [];
    const maker = run.traces.findLast(
      (trace) =>
        (trace.kind === 'staged' && trace.target.startsWith('table:') && sameTable(trace.target, name)) ||
        (trace.kind === 'outside' && trace.did === 'sql' && trace.target.includes(tableOf(name))),
    );
    const isStaged = maker?.kind === 'staged';
    return [
      {
        kind: 'rows',
        what: `table:${name}`,
        expected: `${before.length} rows${sample(before, after)}`,
        found: `${after.length} rows${sample(after, before)}`,
        advice: isStaged ? IN_MEMORY : 'Change rows by ctx.db, which applies them once, with the step.',
        ...placeOf(run, maker),
      },
    ];
  });
}

function sameTable(target: string, name: string): boolean {
  return tableOf(target) === tableOf(name);
}

function tableOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** The first row that the other side lacks, or has less often. */
function sample(rows: readonly string[], others: readonly string[]): string {
  const left = [...others];
  const extra = rows.find((row) => {
    const at = left.indexOf(row);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  return extra === undefined ? '' : `, with ${extra.slice(0, MAX_TEXT)}`;
}

function compareEnds({ run: undisturbed, unsteadyResult }: Reference, run: Run): readonly Difference[] {
  const [wanted, found] = [undisturbed.end, run.end];
  if (found.kind !== 'ended' || wanted.kind !== 'ended') return [];
  if (wanted.outcome !== found.outcome)
    return [
      {
        kind: 'end',
        what: 'the end of the job',
        expected: wanted.outcome,
        found: `${found.outcome}: ${found.message ?? ''}`,
        advice: 'Its message says what stopped it.',
        ...placeOf(run),
      },
    ];
  const [before, after] = [renamed(undisturbed, wanted.result), renamed(run, found.result)];
  return differingPaths(before, after).flatMap((path): Difference[] => {
    if (unsteadyResult.has(path)) return [];
    const step = /^outputs\.([^.]+)/.exec(path)?.[1];
    const text = (value: Json): string => JSON.stringify(valueAt(value, path)).slice(0, MAX_TEXT);
    const place = step === undefined ? placeOf(run) : { step };
    return [
      {
        kind: 'result',
        what: `result ${path}`,
        expected: text(before),
        found: text(after),
        advice: IN_MEMORY,
        ...place,
      },
    ];
  });
}

function renamed({ rename }: Run, result: Json): Json {
  return JSON.parse(rename(JSON.stringify(result))) as Json;
}

/** Where it was made; else the step in which the fault met the run. */
function placeOf({ traces }: Run, maker?: Trace): { readonly step?: string; readonly at?: string } {
  if (maker !== undefined && 'at' in maker) return { step: maker.step, ...(maker.at === '' ? {} : { at: maker.at }) };
  const fault = traces.find(({ kind }) => kind === 'fault');
  return fault === undefined ? {} : { step: fault.step };
}
