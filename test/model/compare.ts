/** A comparison of the world with the record, from opening it to the mark. As `src/protocol/verify/` does it. */
import { applyIntent, recordIntent } from './apply.ts';
import { raiseFences, setFence } from './fences.ts';
import { ask, conflictFinding, isAboutTheWorld } from './questions.ts';
import { rollForwardRepair } from './repair.ts';
import { isUnseen, knows, type Running } from './running.ts';
import { finding, forgotten, History } from './history.ts';
import {
  DATABASES,
  RESOURCES,
  requestedOf,
  type Answer,
  type Finding,
  type Intent,
  type Ledger,
  type Question,
  type Resource,
  type Step,
  type Value,
} from './state.ts';

export type Compared = { readonly question: Question } | { readonly question?: undefined };

/** `asking`: steps that the Workflow waits for. */
export function compare(r: Running, asking: readonly Step[]): Compared {
  const { state } = r;
  const { workflow } = state;
  const opened = openRecord(r, asking);
  if (opened !== undefined) return { question: opened };
  const { ledger } = state;
  // What comes after this is not covered.
  const isLongSince = state.isLongSince;
  const leftOpen = Object.values(ledger.claims).filter((one) => one.state === 'left-open');
  const seen = differing(r);
  const passedOver = RESOURCES.filter((res) => isUnseen(state, res));
  r.moment('verify.compared');
  const now = new Map(seen.map((res) => [res, state.world[res]]));
  const again = differing(r).filter((res) => now.has(res));
  const findings = [
    ...takenBackFindings(r),
    ...aheadFindings(r),
    ...again.map((res) => findingOf(r, res)),
    ...traces(r),
  ];
  if (findings.length > 0) return { question: askAboutWorld(r, findings) };
  const unfinished = finishAbandoned(r, asking, ledger.term, workflow.run);
  if (unfinished !== undefined) return { question: unfinished };
  ledger.open = ledger.open.filter((one) => !isAboutTheWorld(one));
  ledger.covers = state.worker;
  for (const one of leftOpen) one.state = 'compared';
  if (isLongSince) state.isLongSince = false;
  state.ghost.isCompared = true;
  state.ghost.passedOver = passedOver;
  r.moment('verify.mark-after');
  return {};
}

function openRecord(r: Running, asking: readonly Step[]): Question | undefined {
  const { state, ledger } = r;
  const { workflow } = state;
  if (ledger.run === -1) ledger.run = workflow.run;
  if (r.has('knownHead') && !knows(ledger, workflow.known))
    return askAboutWorld(r, [ledgerFinding('damaged', 'behind')]);
  if (ledger.job === 'undoing' && r.has('undoStops'))
    return askAboutWorld(r, [ledgerFinding('ahead', 'undone-after-reset')]);
  if (r.has('repairSealed')) rollForwardRepair(r, ledger.repair, ledger.run);
  if (ledger.run === workflow.run && ledger.term > 0) return undefined;
  const term = raiseFences(r, ledger.term + 1);
  finishAbandoned(r, asking, term, ledger.run);
  ledger.run = workflow.run;
  ledger.term = term;
  if (!r.has('fencesFirst')) for (const db of DATABASES) setFence(r, db, term);
  r.moment('term.raised');
  return undefined;
}

/** From `applying` on an intent only rolls forward: asked for by nobody, it is finished. `run`: who had begun it. */
export function finishAbandoned(r: Running, asking: readonly Step[], term: number, run: number): Question | undefined {
  if (!r.has('abandonedFinished')) return undefined;
  let first: Question | undefined;
  for (const intent of r.ledger.intents) {
    if (intent.state !== 'applying' || asking.includes(requestedOf(intent.step)) || intent.undoes !== undefined)
      continue;
    const outcome = applyIntent(r, intent, term);
    if (outcome.kind === 'applied') {
      recordIntent(r, intent, run);
      r.ledger.open = r.ledger.open.filter((one) => one.token !== intent.token);
    } else {
      const conflicts = outcome.kind === 'conflicts' ? outcome.conflicts : [];
      const findings = conflicts.map((one) => conflictFinding(one, intent.step, false));
      if (findings.length === 0) findings.push(stuckFinding(intent) as never);
      if (first === undefined && isCurrentRun(r)) first = ask(r, findings, intent.token);
    }
  }
  return first;
}

/** What the first comparison of a Run can't finish is asked about once the world has been compared. */
function isCurrentRun({ state }: Running): boolean {
  return state.ledger.run === state.workflow.run;
}

function stuckFinding({ step }: Intent): Finding {
  const answers: Answer[] = ['rerun'];
  return {
    of: `step:${step}`,
    cls: 'stuck',
    expected: '',
    found: 'half applied',
    answers,
    reruns: [requestedOf(step)],
  };
}

function askAboutWorld(r: Running, findings: readonly Finding[]): Question {
  const about = new Set(findings.map(({ of }) => of));
  const { ledger } = r;
  ledger.open = ledger.open.filter(
    (one) => one.token === undefined || !one.findings.some(({ of, cls }) => cls === 'conflict' && about.has(of)),
  );
  return ask(r, findings);
}

function ledgerFinding(cls: 'damaged' | 'ahead', found: string): Finding {
  return { of: 'ledger:', cls, expected: 'what the Workflow knows', found, answers: [], reruns: [] };
}

/** What the Workflow takes for done, and a decision that it does not know of took back. */
function takenBackFindings(r: Running): readonly Finding[] {
  const { ledger, state } = r;
  const { run, known, held } = state.workflow;
  const isHeardOf = ({ seq }: { readonly seq: number }): boolean =>
    r.has('heardAsCarriedOut') ? held.includes(seq) : seq <= known.seq;
  const ofWorkflow = new Set<Step>();
  const taken = new Set<Step>();
  for (const record of ledger.chain) {
    if (record.kind === 'step' && held.includes(record.seq) && record.step !== 'b:s') {
      ofWorkflow.add(record.step);
      taken.delete(record.step);
    } else if (record.kind === 'decision' && record.run !== run && !isHeardOf(record))
      for (const [step] of record.reruns) if (ofWorkflow.has(step)) taken.add(step);
  }
  if (!r.has('takenBackAsked')) return [];
  return [...taken].map((step) => finding(`step:${step}`, 'ahead', 'done', 'taken back', [], []));
}

function aheadFindings(r: Running): readonly Finding[] {
  const { ledger, state } = r;
  if (!r.has('aheadAsked')) return [];
  return forgotten(ledger, state.workflow.run, state.workflow.held).map(({ step }) => ({
    of: `step:${step}`,
    cls: 'ahead',
    expected: 'not yet run',
    found: 'done already',
    answers: ['keep', 'undo'],
    reruns: [requestedOf(step)],
  }));
}

/** What a database has of the job that the record contradicts: one of the two is an older copy. */
function traces(r: Running): readonly Finding[] {
  const { state, ledger } = r;
  if (!r.has('traces')) return [];
  return DATABASES.flatMap((db): Finding[] => {
    const unknown = state.tokens[db].filter(([token]) => !isKnown(ledger, token));
    const findings: Finding[] = unknown.map(([token]) => ({
      of: `token:${db}`,
      cls: 'damaged',
      expected: 'no such effect',
      found: token,
      answers: [],
      reruns: [],
    }));
    if (state.fences[db] !== ledger.term)
      findings.push({
        of: `database:${db}`,
        cls: 'discrepancy',
        expected: 'the term',
        found: 'another',
        answers: ['accept'],
        reruns: [],
      });
    return findings;
  });
}

function isKnown({ chain, intents, repair, decided }: Ledger, token: string): boolean {
  if (token.startsWith('?')) return decided.includes(token) || (repair !== null && token === `?${repair.question.id}`);
  const isIntent = intents.some((one) => one.state === 'applying' && one.token === token);
  return (
    isIntent ||
    chain.some((one) => 'step' in one && token === `${one.kind === 'undone' ? '~' : ''}${one.step}${one.gen}`)
  );
}

interface Expectation {
  readonly acceptable: readonly Value[];
  readonly applying?: Intent;
}

/** What each resource may look like: the latest record counts; a target of what is applied may be before or after. */
function expectations({ ledger }: Running): ReadonlyMap<Resource, Expectation> {
  const expected = new Map<Resource, Expectation>();
  for (const res of RESOURCES) {
    const entry = ledger.manifest[res];
    if (entry !== undefined) expected.set(res, { acceptable: [entry.value] });
  }
  for (const intent of ledger.intents) {
    if (intent.state !== 'applying') continue;
    for (const [index, { res, before, after }] of intent.effects.entries()) {
      const mark = intent.marks[index];
      const other = mark === null || mark === undefined ? [] : [mark.after];
      const acceptable = mark?.outcome === 'applied' ? [after] : [before, after, ...other];
      expected.set(res, { acceptable, applying: intent });
    }
  }
  return expected;
}

function differing(r: Running): readonly Resource[] {
  return [...expectations(r)]
    .filter(([res, { acceptable }]) => !acceptable.includes(r.state.world[res]))
    .map(([res]) => res);
}

function findingOf(r: Running, res: Resource): Finding {
  const { acceptable, applying } = expectations(r).get(res)!;
  const found = r.state.world[res];
  if (applying !== undefined) {
    const { before, after } = applying.effects.find((effect) => effect.res === res)!;
    return conflictFinding({ res, before, after, found }, applying.step, applying.undoes !== undefined);
  }
  const { entry } = { entry: r.ledger.manifest[res]! };
  const reruns = new History(r).affected(res, found, entry);
  const by = entry.step === undefined ? {} : { by: requestedOf(entry.step) };
  return finding(
    res,
    'discrepancy',
    acceptable[0]!,
    found,
    ['accept', 'restore', ...(reruns.length > 0 ? (['rerun'] as const) : [])],
    reruns,
    by,
  );
}
