/** A request for a step, from "may it begin?" to its record. As `src/protocol/step/` does it. */
import { applyIntent, recordIntent } from './apply.ts';
import { forgotten } from './history.ts';
import { ask, conflictFinding, isAboutTheWorld } from './questions.ts';
import { knows, placeOf, type Running } from './running.ts';
import {
  ABSENT,
  databaseOf,
  digest,
  requestedOf,
  tokenOf,
  type Claim,
  type Effect,
  type Intent,
  type Ledger,
  type Place,
  type Question,
  type Resource,
  type Seen,
  type Step,
  type StepId,
  type Value,
} from './state.ts';

export interface Request {
  readonly step: StepId;
  readonly gen: number;
  readonly run: number;
  readonly term: number;
  readonly known: Place;
  /** Of an undoing: the record, and effects that a decision has undone. */
  readonly undoes?: { readonly seq: number; readonly skip: readonly number[] };
}

export type Result =
  | { readonly kind: 'done'; readonly at: Place }
  | { readonly kind: 'verification-required' }
  | { readonly kind: 'other-generation'; readonly gen: number }
  | { readonly kind: 'question'; readonly question: Question }
  | { readonly kind: 'held' | 'failed' | 'fenced' };

const VERIFY = { kind: 'verification-required' } as const;
const MAX_DROPPED = 3;

/** What an attempt has in hand. */
export interface Attempt {
  readonly request: Request;
  readonly token: string;
  readonly nonce: number;
  readonly draft: number;
  /** Of a sub-step: the attempt in whose code it runs. */
  readonly within?: Attempt;
  /** How many records the chain had when it began: what siblings write since was at once. */
  readonly since: number;
}

/** The code must end: what it had staged is dropped. */
class Unwinds extends Error {
  readonly result: Result;
  constructor(result: Result) {
    super();
    this.result = result;
  }
}

export function runStep(r: Running, request: Request, work: Work = stepWork): Result {
  for (let drafts = 0; drafts < MAX_DROPPED + 1; drafts++) {
    const result = attemptStep(r, request, work);
    if (result !== 'again') return result;
  }
  return { kind: 'failed' };
}

/** What an attempt stages: its effects with their values, and what it read. */
export interface Staged {
  readonly targets: readonly (readonly [Resource, Value])[];
  readonly reads: readonly Seen[];
  readonly once: string;
  readonly undoes?: Intent['undoes'];
}
export type Work = (r: Running, attempt: Attempt) => Staged | { readonly question: Question };

function attemptStep(r: Running, request: Request, work: Work, within?: Attempt): Result | 'again' {
  const token =
    request.undoes === undefined ? tokenOf(request.step, request.gen) : `~${tokenOf(request.step, request.gen)}`;
  const refused = admission(r, request, token, within);
  if (refused !== undefined) return refused;
  const { ledger } = r;
  const attempt = claim(r, request, token, within);
  const sealed = ledger.intents.find((intent) => intent.token === token);
  if (sealed !== undefined && !r.has('rollForward')) ledger.intents = ledger.intents.filter((one) => one !== sealed);
  else if (sealed !== undefined) return unwinding(r, attempt, () => conclude(r, attempt, sealed));
  return unwinding(r, attempt, () => {
    const staged = work(r, attempt);
    if (!('question' in staged)) return sealAndApply(r, attempt, staged);
    close(r, attempt);
    return { kind: 'question', question: staged.question };
  });
}

/** The attempt of a leftover that has run the code goes on. */
export function goOn(r: Running, attempt: Attempt, staged: Staged): Result | 'again' {
  return unwinding(r, attempt, () => sealAndApply(r, attempt, staged));
}

function unwinding(r: Running, attempt: Attempt, act: () => Result | 'again'): Result | 'again' {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof Unwinds)) throw error;
    close(r, attempt);
    return error.result;
  }
}

function admission(r: Running, request: Request, token: string, within?: Attempt): Result | undefined {
  const { state, ledger } = r;
  const { step, gen, run, term, known } = request;
  if (within !== undefined) {
    const found = r.has('subStepRecord') ? recordOf(ledger, step, gen) : undefined;
    if (found !== undefined) return { kind: 'done', at: placeOf(ledger) };
  } else {
    if (r.has('firstOfRun') && ledger.run !== run) return VERIFY;
    if (ledger.term !== term) return VERIFY;
    if (r.has('knownHead') && !knows(ledger, known)) return VERIFY;
    if (ledger.repair?.isDone === false) return VERIFY;
    if (r.has('newWorker') && ledger.covers < state.worker) return VERIFY;
    if (r.has('tooLong') && state.isLongSince) return VERIFY;
    const highest = ledger.highest[requestedOf(step)];
    const isOfRecord = request.undoes !== undefined && r.has('undoneWhichever');
    if (highest !== undefined && highest > gen && !isOfRecord) return { kind: 'other-generation', gen: highest };
    const recorded = request.undoes === undefined ? recordOf(ledger, step, gen) : undoneRecord(ledger, step, gen);
    if (recorded !== undefined && (request.undoes !== undefined || r.has('recordAnswers')))
      return { kind: 'done', at: { seq: recorded.seq, head: recorded.head } };
  }
  const isUndoing = ledger.job === 'undoing';
  if (request.undoes !== undefined ? !isUndoing : isUndoing && r.has('undoStops'))
    return request.undoes !== undefined ? VERIFY : { kind: 'failed' };
  const own = ledger.open.find((question) => question.token === token);
  if (own !== undefined) return { kind: 'question', question: own };
  if (ledger.open.some(isAboutTheWorld)) return { kind: 'held' };
  return within === undefined ? notCompared(r, token, requestedOf(step)) : undefined;
}

/** A claim left open: its worker was lost. */
function notCompared(r: Running, token: string, step: Step): Result | undefined {
  const claims = r.ledger.claims;
  const earlier = claims[token];
  if (!r.has('leftOpen') || (earlier?.state !== 'open' && earlier?.state !== 'left-open')) return undefined;
  for (const [other, one] of Object.entries(claims))
    if (one.state === 'open' && stepOfToken(other) === step) one.state = 'left-open';
  return VERIFY;
}

function stepOfToken(token: string): Step {
  return token.includes('b') ? 'b' : 'a';
}

function claim(r: Running, request: Request, token: string, within?: Attempt): Attempt {
  const { state, ledger } = r;
  const earlier = ledger.claims[token];
  const since = placeOf(ledger).seq;
  const draft = earlier?.draft ?? 0;
  if (within !== undefined) return { request, token, nonce: within.nonce, draft, within, since };
  // What an older copy of the record, put in its place, does not have and the Workflow has not heard of, nobody knows.
  const isCompared = state.ghost.isCompared || state.ghost.isSwapped;
  r.must(isCompared, 'G2', () => `step ${token} begins before the world was compared`);
  r.must(knows(ledger, request.known), 'G6', () => `step ${token} begins with a record that lacks what is known`);
  const ahead = forgotten(ledger, request.run, state.workflow.held);
  r.must(
    ahead.length === 0 || request.undoes !== undefined,
    'G6',
    () => `step ${token} begins, and the Workflow has forgotten ${ahead.map(({ step }) => step).join(', ')}`,
  );
  ledger.nonces += 1;
  const nonce = ledger.nonces;
  ledger.claims[token] = { nonce, state: 'open', draft, dropped: earlier?.dropped ?? 0 };
  r.moment('claim.after');
  return { request, token, nonce, draft, since };
}

/** The code of the steps. */
function stepWork(r: Running, attempt: Attempt): Staged {
  const { step, gen } = attempt.request;
  const staged = step === 'a' ? codeOfA(gen) : step === 'b' ? codeOfB(r, attempt) : codeOfSubStep(gen);
  r.isInCode = attempt.within === undefined;
  r.moment('user-code.after');
  r.isInCode = false;
  return staged;
}

/** Run again it goes another way, and leaves one file out. */
function codeOfA(gen: number): Staged {
  const value = `a${gen}`;
  const targets = (['f', 'g', 'x', 'y'] as const).filter((res) => gen === 0 || res !== 'g');
  return { targets: targets.map((res) => [res, value]), reads: [], once: '' };
}

function codeOfSubStep(gen: number): Staged {
  return { targets: [['x', `s${gen}`]], reads: [], once: '' };
}

function codeOfB(r: Running, attempt: Attempt): Staged {
  const { gen } = attempt.request;
  const reads: Seen[] = [['f', read(r, 'f')]];
  const once = drawOnce(r, attempt, digest(reads));
  const sub = attemptStep(r, { ...attempt.request, step: 'b:s' }, stepWork, attempt);
  if (sub === 'again' || sub.kind !== 'done') throw new Unwinds(sub === 'again' ? VERIFY : sub);
  return {
    targets: [
      ['g', `b${gen}(${reads[0]![1]},${once})`],
      ['y', `b${gen}`],
    ],
    reads,
    once,
  };
}

/** A read of something that the manifest knows must find what the manifest says. */
function read(r: Running, res: Resource): Value {
  const found = r.state.world[res];
  const entry = r.ledger.manifest[res];
  if (entry !== undefined && entry.value !== found && r.has('readsAsRecorded')) throw new Unwinds(VERIFY);
  return found;
}

/** A value is durable before it is returned. */
function drawOnce(r: Running, attempt: Attempt, reads: string): string {
  const { ledger, state } = r;
  const { token, draft } = attempt;
  const row = ledger.once.find(([of, at]) => of === token && at === draft);
  const isDrawn = row === undefined || (row[2] !== reads && r.has('onceReads'));
  let value = row !== undefined && (row[2] === reads || !r.has('onceReads')) ? row[3] : undefined;
  if (value === undefined) {
    if (row !== undefined) newDraft(r, attempt);
    state.ghost.draws += 1;
    value = String(state.ghost.draws);
    if (r.has('onceDurable')) ledger.once.push([token, ledger.claims[token]!.draft, reads, value]);
  }
  const { drawn } = state.ghost;
  const key = `${token} ${reads}`;
  const of = Object.entries(drawn).find(([, values]) => values.includes(value));
  // A copy of the record from before a value was drawn says nothing of it.
  if (state.ghost.isSwapped) return value;
  r.must(of === undefined || of[0] === key, 'G5', () => `${token} is given a value that was drawn from other reads`);
  drawn[key] ??= [value];
  r.must(drawn[key].includes(value), 'G5', () => `${token} is given another value, and what it read is the same`);
  if (isDrawn) r.moment('once.after');
  return value;
}

function newDraft(r: Running, { token }: Attempt): void {
  const row = r.ledger.claims[token]!;
  row.draft += 1;
}

/** The state before each effect, and the seal, which is one with `applying`. */
function sealAndApply(r: Running, attempt: Attempt, staged: Staged): Result | 'again' {
  const { state, ledger } = r;
  const { request, token } = attempt;
  const effects: Effect[] = [];
  for (const [res, after] of staged.targets) {
    if (r.elsewhere !== undefined && (res === 'f' || res === 'g')) continue;
    const found = state.world[res];
    const entry = ledger.manifest[res];
    // An undoing has looked at it, and asked.
    const isOtherwise = entry !== undefined && entry.value !== found && staged.undoes === undefined;
    if (isOtherwise && r.has('beforeFromManifest')) throw new Unwinds(VERIFY);
    if (entry === undefined) state.ghost.settled[res] = found;
    // Of a row the record has what it was.
    if (res === 'x' || res === 'y') r.keep(found);
    if (found !== after || res === 'x' || res === 'y') effects.push({ res, before: found, after });
  }
  mustBeCurrent(r, attempt);
  const { once, undoes } = staged;
  const intent: Intent = {
    token,
    digest: digest([token, draftOf(ledger, token), effects, staged.reads]),
    step: request.step,
    gen: request.gen,
    state: 'sealed',
    effects,
    reads: [...staged.reads],
    marks: effects.map(() => null),
    once,
    ...(undoes === undefined ? {} : { undoes }),
  };
  // What an undoing puts back is not at hand like what a step has just staged: it is sealed before it is prepared.
  const isAtHand =
    undoes === undefined || effects.every(({ res, after }) => databaseOf(res) !== undefined || after === ABSENT);
  if (!isAtHand) ledger.intents.push(intent);
  r.moment('seal.after');
  return conclude(r, attempt, intent);
}

function draftOf(ledger: Ledger, token: string): number {
  return ledger.claims[token]?.draft ?? 0;
}

/** @throws Unwinds: the attempt does nothing more */
function mustBeCurrent(r: Running, attempt: Attempt): void {
  const { ledger } = r;
  const { within, token, nonce, request } = attempt;
  if (within !== undefined) {
    mustBeCurrent(r, within);
    return;
  }
  const isCurrent = ledger.claims[token]?.nonce === nonce || !r.has('claimNonce');
  const job = request.undoes === undefined ? 'open' : 'undoing';
  const isOpen = ledger.job === job || !r.has('undoStops');
  const isOfRun = ledger.run === request.run || !r.has('firstOfRun');
  if (!isCurrent || !isOpen || !isOfRun) throw new Unwinds({ kind: 'fenced' });
}

function conclude(r: Running, attempt: Attempt, intent: Intent): Result | 'again' {
  const { state, ledger } = r;
  const { request, token } = attempt;
  mustBeCurrent(r, attempt);
  if (intent.state === 'sealed' && isVoid(r, request)) throw new Unwinds(VERIFY);
  if (r.has('tooLong') && state.isLongSince) return stepAside(r, attempt, intent, VERIFY);
  if (ledger.open.some((one) => isAboutTheWorld(one) && one.token !== token))
    return stepAside(r, attempt, intent, { kind: 'held' });
  r.must(
    state.ghost.isCompared || state.ghost.isSwapped,
    'G2',
    () => `${token} is applied before the world was compared`,
  );
  const outcome = applyIntent(r, intent, ledger.term);
  switch (outcome.kind) {
    case 'must-verify':
      return stepAside(r, attempt, intent, VERIFY);
    case 'stale':
      return dropDraft(r, attempt, outcome.res, request.undoes !== undefined);
    case 'conflicts': {
      const isUndoing = request.undoes !== undefined;
      const asked = ask(
        r,
        outcome.conflicts.map((one) => conflictFinding(one, intent.step, isUndoing)),
        token,
      );
      return stepAside(r, attempt, intent, { kind: 'question', question: asked });
    }
    case 'applied': {
      recordIntent(r, intent, request.run);
      setClaim(ledger, token, 'done');
      r.moment('record.after');
      return { kind: 'done', at: placeOf(ledger) };
    }
  }
}

/** Has a decision that the request does not know of made void what it was given? */
function isVoid({ ledger }: Running, { term, known, step, undoes }: Request): boolean {
  if (ledger.term === term || undoes !== undefined) return false;
  const again = ledger.chain.flatMap((record) =>
    record.kind === 'decision' && record.seq > known.seq ? record.reruns.map(([one]) => one) : [],
  );
  return requestedOf(step) === 'b' && again.includes('a');
}

function stepAside(r: Running, { token }: Attempt, intent: Intent, result: Result): Result {
  const { ledger } = r;
  if (!ledger.intents.includes(intent)) ledger.intents.push(intent);
  setClaim(ledger, token, 'closed');
  return result;
}

function dropDraft(r: Running, { token }: Attempt, res: Resource, isUndoing: boolean): Result | 'again' {
  const { ledger } = r;
  ledger.intents = ledger.intents.filter((one) => one.token !== token);
  const row = (ledger.claims[token] ??= { nonce: 0, state: 'closed', draft: 0, dropped: 0 });
  row.state = 'closed';
  // What it has drawn goes along: it holds while what was read before it is the same.
  for (const [of, draft, reads, value] of r.has('onceKept') ? [...ledger.once] : [])
    if (of === token && draft === row.draft) ledger.once.push([token, draft + 1, reads, value]);
  row.draft += 1;
  row.dropped += 1;
  if (ledger.manifest[res] !== undefined && !isUndoing) return VERIFY;
  return row.dropped < MAX_DROPPED ? 'again' : { kind: 'failed' };
}

function close(r: Running, { token, nonce, within }: Attempt): void {
  const row = r.ledger.claims[token];
  if (within === undefined && row !== undefined && row.nonce === nonce) row.state = 'closed';
}

/** A sub-step has a claim of its own only where there is something to keep. */
function setClaim(ledger: Ledger, token: string, state: Claim['state']): void {
  const row = ledger.claims[token];
  if (row !== undefined) row.state = state;
  else if (state !== 'done') ledger.claims[token] = { nonce: 0, state, draft: 0, dropped: 0 };
}

export function recordOf({ chain }: Ledger, step: StepId, gen: number) {
  return chain.find((record) => record.kind === 'step' && record.step === step && record.gen === gen);
}

function undoneRecord({ chain }: Ledger, step: StepId, gen: number) {
  return chain.find((record) => record.kind === 'undone' && record.step === step && record.gen === gen);
}
