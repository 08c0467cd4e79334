/** A decision, sealed and carried out. As `src/protocol/repair/` does it. */
import { setFence } from './fences.ts';
import { forgotten, History } from './history.ts';
import { isResource } from './questions.ts';
import type { Running } from './running.ts';
import {
  databaseOf,
  DATABASES,
  requestedOf,
  type Answer,
  type Change,
  type Database,
  type Effect,
  type Intent,
  type Question,
  type Repair,
  type Resource,
  type Step,
  type Value,
} from './state.ts';

export type Decided =
  | { readonly kind: 'repaired'; readonly repair: Repair | undefined }
  | { readonly kind: 'moved' | 'refused' };

const RAISES_TERM: readonly Answer[] = ['accept', 'restore', 'rerun', 'skip', 'overwrite', 'undo', 'keep'];

export function decide(r: Running, question: Question, answers: readonly Answer[]): Decided {
  const { ledger, state } = r;
  const earlier = ledger.repair?.question.id === question.id ? ledger.repair : undefined;
  if (earlier !== undefined && (!earlier.isDone || r.has('decisionOnce'))) {
    if (JSON.stringify(earlier.answers) !== JSON.stringify(answers)) return { kind: 'refused' };
    if (!earlier.isDone) rollForwardRepair(r);
    return { kind: 'repaired', repair: earlier };
  }
  const isOpen = ledger.open.some(({ id }) => id === question.id);
  if (!isOpen && r.has('decisionOnce')) return { kind: 'moved' };
  const close = (): void => void (ledger.open = ledger.open.filter(({ id }) => id !== question.id));
  if (answers.every((answer) => answer === 'recheck')) {
    close();
    return { kind: 'repaired', repair: undefined };
  }
  const moved = question.findings.filter(({ of, expected, found }, at) => {
    if (!isResource(of)) return false;
    const now = state.world[of];
    return now !== found && !(answers[at] === 'restore' && now === expected);
  });
  if (moved.length > 0 && r.has('onlyAsShown')) {
    close();
    return { kind: 'moved' };
  }
  r.must(
    moved.length === 0,
    'G3',
    () => `a decision about ${moved[0]!.of} = ${moved[0]!.found} is carried out, and it has moved`,
  );
  r.must(!state.ghost.answered.includes(question.id), 'G3', () => 'a question that was answered is answered again');
  const repair = seal(r, question, answers);
  rollForwardRepair(r, repair);
  state.ghost.answered.push(question.id);
  return { kind: 'repaired', repair };
}

function seal(r: Running, question: Question, answers: readonly Answer[]): Repair {
  const { ledger, state } = r;
  const again = new Set<Step>();
  question.findings.forEach(({ reruns }, at) => {
    if (answers[at] === 'rerun' || answers[at] === 'undo') for (const step of reruns) again.add(step);
  });
  if (question.findings.some(({ cls }) => cls === 'ahead') && again.has('a'))
    for (const step of new History(r).withDependents(['a'])) again.add(step);
  const reruns = [...again].sort().map((step): [Step, number] => [step, (ledger.highest[step] ?? 0) + 1]);
  if (r.has('newGeneration')) for (const [step, gen] of reruns) ledger.highest[step] = gen;
  else for (const rerun of reruns) rerun[1] -= 1;
  const adopts = answers.includes('keep')
    ? forgotten(ledger, state.workflow.run, state.workflow.held).map(({ seq }) => seq)
    : [];
  const repair: Repair = { question, answers: [...answers], reruns, adopts, isDone: false };
  if (r.has('repairSealed')) ledger.repair = repair;
  r.moment('repair.sealed-after');
  return repair;
}

interface RowReset {
  readonly res: Resource;
  readonly shown: Value;
  readonly wanted: Value;
  /** Whose effect goes. */
  readonly token?: string;
}

/** A repair while it is carried out. */
class RunningRepair {
  readonly changes: Change[] = [];
  readonly rows: RowReset[] = [];
  readonly dropped: [Database, string][] = [];
  readonly after: (() => void)[] = [];
  readonly r: Running;
  readonly repair: Repair;

  constructor(r: Running, repair: Repair) {
    this.r = r;
    this.repair = repair;
  }

  found(res: Resource): Value | undefined {
    return this.repair.question.findings.find(({ of }) => of === res)?.found;
  }

  /** What stands in the place of what a step that runs again had made, and goes with it, as the person has said. */
  foundToUndo(res: Resource): Value | undefined {
    const place = this.repair.question.findings.findIndex(({ of }) => of === res);
    const isToGo = this.repair.answers[place] === 'rerun' || !this.r.has('staysAsSaid');
    return isToGo ? this.found(res) : undefined;
  }

  /** Has a person said what becomes of it, as the target of a half-applied step? */
  stays(res: Resource): boolean {
    const place = this.repair.question.findings.findIndex(({ of }) => of === res);
    const answer = this.repair.answers[place];
    return (answer === 'skip' || answer === 'overwrite') && this.r.has('staysAsSaid');
  }

  rerunsStep(step: Step): boolean {
    return this.repair.reruns.some(([one]) => one === step);
  }

  /** A person has said what becomes of what was shown. */
  settle(res: Resource): Value {
    const found = this.found(res)!;
    const { world, ghost } = this.r.state;
    if (world[res] === found) ghost.settled[res] = found;
    this.r.keep(found);
    return found;
  }

  /** Puts a file where it shows what it was shown as, or is as wanted already. */
  file({ res, shown, wanted, token }: RowReset): boolean {
    const { r } = this;
    const now = r.state.world[res];
    if (now !== wanted && now !== shown && r.has('undoAsShown')) return false;
    if (now !== wanted) {
      r.keep(now);
      r.put(res, wanted, 'a decision');
      if (token !== undefined) r.count(token, res, -1);
      r.moment('commit.file-renamed');
    }
    r.state.ghost.settled[res] = wanted;
    return true;
  }
}

/** However often it is killed: what is done already is found as it is wanted. */
export function rollForwardRepair(
  r: Running,
  given: Repair | null = r.ledger.repair,
  run: number = r.state.workflow.run,
): void {
  if (given === null || given.isDone) return;
  const running = new RunningRepair(r, given);
  carryOut(running);
  const { ledger, state } = r;
  const isOfUndoing = given.question.findings.some(({ cls }) => cls === 'undo');
  const raises = !isOfUndoing && given.answers.some((answer) => RAISES_TERM.includes(answer));
  const term = Math.max(ledger.term, state.fences.d1, state.fences.d2) + 1;
  if (raises && r.has('fencesFirst')) for (const db of DATABASES) setFence(r, db, term);
  r.moment('repair.record-before');
  const { answers, reruns, adopts } = given;
  r.append({ kind: 'decision', run, answers: [...answers], reruns, adopts, changes: running.changes });
  if (raises) ledger.term = term;
  ledger.open = ledger.open.filter(({ id }) => id !== given.question.id);
  given.isDone = true;
  ledger.decided.push(tokenOfRepair(running));
  ledger.repair = given;
  if (raises && !r.has('fencesFirst')) for (const db of DATABASES) setFence(r, db, term);
  r.moment('repair.record-after');
}

function carryOut(running: RunningRepair): void {
  const { r, repair } = running;
  for (const [at, { of, cls, expected }] of repair.question.findings.entries()) {
    const answer = repair.answers[at]!;
    if (isResource(of)) answerOne(running, of, cls === 'undo' ? 'ruling' : answer, answer, expected);
    r.moment('repair.item-after');
  }
  if (repair.reruns.length > 0) {
    const half = r.ledger.intents.filter(
      ({ state, step }) => state === 'applying' && running.rerunsStep(requestedOf(step)),
    );
    for (const intent of half.toReversed()) undoIntent(running, intent);
    if (r.has('rerunUndoes')) undoReruns(running);
  }
  changeDatabases(running);
  for (const act of running.after) act();
  dropReruns(running);
}

function answerOne(
  running: RunningRepair,
  res: Resource,
  act: Answer | 'ruling',
  answer: Answer,
  expected: Value,
): void {
  const { r, repair } = running;
  const { ledger } = r;
  if (act === 'recheck') return;
  const found = running.settle(res);
  const intent = intentOf(running, res);
  if (act === 'ruling') {
    const token = repair.question.token!;
    ledger.rulings.push({ token, res, answer, found });
    ledger.intents = ledger.intents.filter((one) => one.token !== token || one.state === 'applying');
  } else if (act === 'accept' || act === 'rerun') running.changes.push([res, 'accepted', found]);
  else if (act === 'restore') {
    const reset = { res, shown: found, wanted: expected };
    r.state.ghost.restored.push(res);
    if (databaseOf(res) === undefined) running.file(reset);
    else running.rows.push(reset);
  } else if (act === 'skip' || act === 'overwrite') {
    const index = intent?.effects.findIndex((effect) => effect.res === res) ?? -1;
    if (intent === undefined || index < 0) return;
    intent.marks[index] = { outcome: act === 'skip' ? 'skipped' : 'overwrite', after: found };
    delete r.state.ghost.applied[`${intent.token}:${res}`];
  } else if (act === 'undo') {
    if (intent !== undefined) undoIntent(running, intent);
    running.changes.push([res, 'accepted', found]);
  }
}

function intentOf({ r, repair }: RunningRepair, res: Resource): Intent | undefined {
  const { token } = repair.question;
  const { intents } = r.ledger;
  if (token !== undefined) return intents.find((one) => one.token === token);
  return intents.find(({ state, effects }) => state === 'applying' && effects.some((effect) => effect.res === res));
}

/** What is half applied is undone, and the intent is dropped. */
function undoIntent(running: RunningRepair, intent: Intent): void {
  const { r, after } = running;
  const { ledger, state } = r;
  const { token, effects } = intent;
  if (!ledger.intents.includes(intent)) return;
  for (const [index, { res, before, after: shown }] of [...effects.entries()].toReversed())
    if (databaseOf(res) === undefined && (intent.marks[index]?.outcome === 'applied' || state.world[res] === shown))
      running.file({ res, shown, wanted: before, token });
  for (const db of DATABASES) {
    const isThere = state.tokens[db].some(([taken]) => taken === token || taken === tokenOfRepair(running));
    if (!isThere) continue;
    for (const { res, before: wanted, after: shown } of inDatabase(effects, db).toReversed())
      running.rows.push({ res, shown, wanted, token });
    if (inDatabase(effects, db).length > 0) running.dropped.push([db, token]);
  }
  after.push(() => {
    ledger.intents = ledger.intents.filter((one) => one !== intent);
    for (const { res } of effects) delete state.ghost.applied[`${token}:${res}`];
  });
}

/** What the steps that run again have in the record, newest first; what another step has changed since is left. */
function undoReruns(running: RunningRepair): void {
  const { r, changes } = running;
  const { manifest } = r.ledger;
  const records = new History(r).latest.filter(({ step }) => running.rerunsStep(requestedOf(step)));
  const met = new Set<Resource>();
  for (const { step, gen, effects } of records.toReversed()) {
    for (const { res, before: wanted, after, outcome } of effects.toReversed()) {
      // What was found stands in the place of the newest effect alone: undone, the older one shows.
      const found = met.has(res) && r.has('foundIsNewest') ? undefined : running.foundToUndo(res);
      met.add(res);
      const by = manifest[res]?.step;
      if ((by !== undefined && !running.rerunsStep(requestedOf(by))) || outcome !== 'applied' || running.stays(res))
        continue;
      const reset = { res, shown: found ?? after, wanted, token: `${step}${gen}` };
      if (databaseOf(res) !== undefined) running.rows.push(reset);
      else if (running.file(reset)) changes.push([res, 'undone', wanted]);
    }
  }
}

/** Of a database all in one transaction, with the repair's own token row. */
function changeDatabases(running: RunningRepair): void {
  const { r, changes, dropped } = running;
  const { world, tokens } = r.state;
  for (const db of DATABASES) {
    const rows = running.rows.filter(({ res }) => databaseOf(res) === db);
    const gone = dropped.flatMap(([one, token]) => (one === db ? [token] : []));
    if (rows.length + gone.length === 0) continue;
    const own = tokenOfRepair(running);
    if (!r.has('repairToken') || !tokens[db].some(([token]) => token === own)) {
      r.open.add(db);
      r.moment('repair.database-ready');
      r.open.delete(db);
      for (const { res, shown, wanted, token } of rows) {
        if (world[res] !== shown && r.has('undoAsShown')) continue;
        r.keep(world[res]);
        r.put(res, wanted, 'a decision');
        if (token !== undefined) r.count(token, res, -1);
      }
      tokens[db] = tokens[db].filter(([token]) => !gone.includes(token));
      tokens[db].push([own, '']);
    }
    const told = r.has('putBackTold') ? rows : [...new Map(rows.map((row) => [row.res, row])).values()];
    for (const { res, wanted } of told)
      if (world[res] === wanted) {
        r.state.ghost.settled[res] = wanted;
        changes.push([res, 'undone', wanted]);
      }
  }
}

/** Attempts of steps that run again are refused at their next durable act; what they had sealed is dropped. */
function dropReruns(running: RunningRepair): void {
  const { ledger } = running.r;
  if (running.repair.reruns.length === 0) return;
  for (const [token, claim] of Object.entries(ledger.claims))
    if (
      running.rerunsStep(token.includes('b') ? 'b' : 'a') &&
      (claim.state === 'open' || claim.state === 'left-open')
    ) {
      claim.state = 'closed';
      claim.nonce = -1;
    }
  ledger.intents = ledger.intents.filter(({ state, step }) => {
    const isVoid = running.rerunsStep(requestedOf(step)) || (requestedOf(step) === 'b' && running.rerunsStep('a'));
    return state !== 'sealed' || !isVoid;
  });
}

function inDatabase(effects: readonly Effect[], db: Database): readonly Effect[] {
  return effects.filter(({ res }) => databaseOf(res) === db);
}

function tokenOfRepair({ repair }: RunningRepair): string {
  return `?${repair.question.id}`;
}
