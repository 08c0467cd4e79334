/** A job taken back, one record after the other. As `src/protocol/undo/` does it. */
import { finishAbandoned } from './compare.ts';
import { raiseFences, setFence } from './fences.ts';
import { ask } from './questions.ts';
import { rollForwardRepair } from './repair.ts';
import { knows, type Running } from './running.ts';
import type { Staged, Work } from './step.ts';
import {
  DATABASES,
  type Change,
  type ChainRecord,
  type Finding,
  type Ledger,
  type Question,
  type Resource,
  type StepRecord,
  type Value,
  type Workflow,
} from './state.ts';

type Placed = Extract<ChainRecord, { kind: 'step' }>;

/** From here on no step runs any more. Returns a question, or what is to be undone yet. */
export function beginUndo(r: Running): { readonly question: Question } | { readonly items: Workflow['undo'] } {
  const { state, ledger } = r;
  const { workflow } = state;
  // The job has never had a workspace, so that it has done nothing.
  if (ledger.run === -1 && workflow.known.seq === 0) return { items: [] };
  if (!knows(ledger, workflow.known)) {
    const finding: Finding = {
      of: 'ledger:',
      cls: 'damaged',
      expected: 'what the Workflow knows',
      found: 'behind',
      answers: [],
      reruns: [],
    };
    return { question: ask(r, [finding]) };
  }
  stopSteps(r);
  rollForwardRepair(r);
  const term = raiseFences(r, ledger.term + 1);
  const unfinished = finishAbandoned(r, [], term, workflow.run);
  ledger.term = term;
  if (!r.has('fencesFirst')) for (const db of DATABASES) setFence(r, db, term);
  if (unfinished !== undefined) return { question: unfinished };
  ledger.open = [];
  ledger.covers = state.worker;
  state.isLongSince = false;
  // The world is not compared as a whole: each undoing looks at what it is about to change.
  state.ghost.isCompared = true;
  return { items: itemsOf(r) };
}

function stopSteps(r: Running): void {
  const { ledger } = r;
  const { workflow } = r.state;
  ledger.run = workflow.run;
  for (const claim of Object.values(ledger.claims))
    if (claim.state === 'open' || claim.state === 'left-open') Object.assign(claim, { state: 'closed', nonce: -1 });
  ledger.intents = ledger.intents.filter((one) => one.state === 'applying' || one.undoes !== undefined);
  if (ledger.job === 'undoing') return;
  ledger.job = 'undoing';
  r.append({ kind: 'undoing', run: workflow.run, changes: [] });
}

/** Newest first; what a decision or an undoing has undone is not in it. */
function itemsOf(r: Running): NonNullable<Workflow['undo']> {
  const open = new Map<Placed, Set<number>>();
  const places = new Map<Resource, [Placed, number][]>();
  for (const record of r.ledger.chain) {
    if (record.kind === 'step') {
      open.set(record, new Set());
      record.effects.forEach(({ res, outcome }, place) => {
        if (outcome !== 'applied') return;
        open.get(record)!.add(place);
        places.set(res, [...(places.get(res) ?? []), [record, place]]);
      });
    } else if (record.kind === 'undone') {
      for (const one of open.keys()) if (one.seq === record.undoes) open.delete(one);
    } else if (record.kind === 'decision') {
      for (const [res, role] of record.changes) {
        if (role !== 'undone') continue;
        const of = places.get(res) ?? [];
        for (let last = of.at(-1); last !== undefined; last = of.at(-1)) {
          if (!record.reruns.some(([step]) => last![0].step.startsWith(step))) break;
          open.get(last[0])?.delete(last[1]);
          of.pop();
        }
      }
    }
  }
  const items = [...open].flatMap(([{ step, gen, seq, effects }, left]) =>
    left.size === 0 ? [] : [{ step, gen, seq, skip: [...effects.keys()].filter((place) => !left.has(place)) }],
  );
  return r.has('newestFirst') ? items.toReversed() : items;
}

/** Puts back what the record shows, where the world shows exactly that. Anything else is a question. */
export const undoWork: Work = (r, { request, token }) => {
  const { ledger, state } = r;
  const record = ledger.chain.find(({ seq }) => seq === request.undoes!.seq) as StepRecord & { seq: number };
  const targets: [Resource, Value][] = [];
  const settled: Change[] = [];
  const findings: Finding[] = [];
  for (const [place, { res, before, after, outcome }] of [...record.effects.entries()].toReversed()) {
    if (outcome !== 'applied' || request.undoes!.skip.includes(place)) continue;
    const found = state.world[res];
    if (found === before) {
      settled.push([res, 'undone', found]);
      state.ghost.settled[res] = found;
    } else if (found === after || isOwn(ledger, record, res, found) || !r.has('undoAsShown'))
      targets.push([res, before]);
    else {
      const ruling = ledger.rulings.find(
        (one) => one.res === res && one.found === found && (one.answer === 'skip' || one.token === token),
      );
      if (ruling?.answer === 'overwrite') targets.push([res, before]);
      else if (ruling !== undefined) settled.push([res, 'accepted', found]);
      else findings.push({ of: res, cls: 'undo', expected: after, found, answers: ['skip', 'overwrite'], reruns: [] });
    }
  }
  if (findings.length > 0) return { question: ask(r, findings, token, true) };
  return { targets, reads: [], once: '', undoes: { seq: record.seq, settled } } satisfies Staged;
};

/** Is it what the job has made of it since, and has nobody else had a say in it? */
function isOwn({ manifest, chain }: Ledger, { seq }: { seq: number }, res: Resource, found: Value): boolean {
  const entry = manifest[res];
  if (entry === undefined || entry.seq <= seq || entry.value !== found) return false;
  if (entry.role !== 'written' && entry.role !== 'undone') return false;
  const held = new Set<string>();
  for (const record of chain) {
    if (record.seq <= seq) continue;
    const of = 'step' in record ? `${record.step}${record.gen}` : undefined;
    for (const [one, role] of record.changes) {
      if (one !== res) continue;
      if (role === 'accepted') return false;
      if (role === 'undone' && of === undefined) held.clear();
      else if (role === 'undone') held.delete(of!);
    }
    if (record.kind === 'step' && record.effects.some((one) => one.res === res && one.outcome === 'applied'))
      held.add(of!);
  }
  return held.size === 0;
}
