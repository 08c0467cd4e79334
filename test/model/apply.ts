/** Two phases: prepare everything, then commit everything. As `src/protocol/commit/` does it. */
import { isUnseen, placeOf, type Running } from './running.ts';
import {
  databaseOf,
  DATABASES,
  type Change,
  type Database,
  type Effect,
  type Intent,
  type Resource,
  type StepRecord,
  type Value,
} from './state.ts';

export interface Conflict {
  readonly res: Resource;
  readonly before: Value;
  readonly after: Value;
  readonly found: Value;
}
export type Outcome =
  | { readonly kind: 'applied' }
  | { readonly kind: 'stale'; readonly res: Resource }
  | { readonly kind: 'must-verify' }
  | { readonly kind: 'conflicts'; readonly conflicts: readonly Conflict[] };

type Place = readonly [index: number, effect: Effect];

/** Call under the lock. `term`: of the ledger as the caller has it. */
export function applyIntent(r: Running, intent: Intent, term: number): Outcome {
  const isRollForward = intent.state === 'applying';
  const prepared = prepareDatabases(r, intent, term, isRollForward);
  if (Array.isArray(prepared)) {
    const obstacle = checkFiles(r, intent, isRollForward) ?? (isRollForward ? undefined : checkReads(r, intent));
    if (obstacle === undefined) return commit(r, intent, prepared as Database[]);
    r.open.clear();
    return obstacle;
  }
  r.open.clear();
  return prepared as Outcome;
}

/** The databases whose transactions are open and made. */
function prepareDatabases(r: Running, intent: Intent, term: number, isRollForward: boolean): Database[] | Outcome {
  for (const db of DATABASES) {
    const places = placesIn(intent, db);
    if (places.every(([index]) => isMade(intent, index))) continue;
    if (r.has('fence') && r.state.fences[db] !== term) return { kind: 'must-verify' };
    const token = r.state.tokens[db].find(([taken]) => taken === intent.token);
    if (token !== undefined && r.has('tokenRow')) {
      if (token[1] !== intent.digest || !isRollForward) return { kind: 'must-verify' };
      const conflicts = overwriteCommitted(r, intent, places);
      if (conflicts.length > 0) return { kind: 'conflicts', conflicts };
      if (takeCommitted(r, intent, places)) return { kind: 'must-verify' };
      continue;
    }
    const differing = places.filter(
      ([index, { res, before }]) => !isRuledOn(intent, index) && r.state.world[res] !== before,
    );
    const [first] = differing;
    if (first !== undefined && r.has('freshAtApply')) {
      if (!isRollForward) return { kind: 'stale', res: first[1].res };
      if (r.has('neitherIsConflict'))
        return { kind: 'conflicts', conflicts: differing.map(([, effect]) => conflictOf(r, effect)) };
    }
    r.open.add(db);
  }
  return [...r.open];
}

/** Rows that were changed after the COMMIT, and that a person says shall be as wanted. */
function overwriteCommitted(r: Running, intent: Intent, places: readonly Place[]): readonly Conflict[] {
  const { world } = r.state;
  const rows = places.filter(
    ([index, { res, after }]) => intent.marks[index]?.outcome === 'overwrite' && world[res] !== after,
  );
  if (!r.has('overwriteCommitted')) return [];
  const conflicts = rows.filter(([index, { res }]) => world[res] !== intent.marks[index]!.after);
  if (conflicts.length > 0) return conflicts.map(([, effect]) => conflictOf(r, effect));
  for (const [, { res, after }] of rows) {
    r.put(res, after, intent.token);
    r.count(intent.token, res, 1);
  }
  return [];
}

/** Was a row changed after the COMMIT? From now on a comparison knows what it should show. */
function takeCommitted(r: Running, intent: Intent, places: readonly Place[]): boolean {
  const changed = places.some(([index, { res, after }]) => !isRuledOn(intent, index) && r.state.world[res] !== after);
  for (const [index, { after }] of places)
    if (intent.marks[index]?.outcome !== 'skipped') intent.marks[index] = { outcome: 'applied', after };
  return changed && r.has('afterCommitLooked');
}

function checkFiles(r: Running, intent: Intent, isRollForward: boolean): Outcome | undefined {
  const conflicts: Conflict[] = [];
  for (const [index, effect] of placesIn(intent, undefined)) {
    const found = r.state.world[effect.res];
    if (isMade(intent, index) || found === effect.before) continue;
    if (!isRollForward && r.has('freshAtApply')) return { kind: 'stale', res: effect.res };
    if (!mayReplace(intent, index, found) && r.has('neitherIsConflict')) conflicts.push(conflictOf(r, effect));
  }
  return conflicts.length > 0 ? { kind: 'conflicts', conflicts } : undefined;
}

function checkReads(r: Running, { reads }: Intent): Outcome | undefined {
  if (!r.has('freshAtApply')) return undefined;
  const stale = reads.find(([res, value]) => r.state.world[res] !== value);
  return stale === undefined ? undefined : { kind: 'stale', res: stale[0] };
}

/** From `applying` on it only rolls forward. */
function commit(r: Running, intent: Intent, open: readonly Database[]): Outcome {
  for (const [res, value] of intent.state === 'sealed' ? intent.reads : [])
    r.must(
      r.state.world[res] === value && (r.ledger.manifest[res]?.value ?? value) === value,
      'G2',
      () => `${intent.token} rests on ${res} = ${value}, which is not so, or not what the record says`,
    );
  r.moment('applying.before');
  const begin = (): void => {
    intent.state = 'applying';
    if (!r.ledger.intents.includes(intent)) r.ledger.intents.push(intent);
  };
  if (r.has('applyingFirst')) begin();
  r.moment('applying.after');
  const later: Place[] = [];
  for (const db of open) {
    commitDatabase(r, intent, db);
    later.push(...placesIn(intent, db));
    r.moment('commit.effect-marked');
  }
  const conflict = r.elsewhere === undefined ? commitFiles(r, intent, later) : undefined;
  if (conflict !== undefined) return { kind: 'conflicts', conflicts: [conflict] };
  begin();
  for (const [index, { after }] of intent.effects.entries())
    if (intent.marks[index]?.outcome !== 'skipped') intent.marks[index] = { outcome: 'applied', after };
  return { kind: 'applied' };
}

function commitDatabase(r: Running, intent: Intent, db: Database): void {
  const write = (): void => {
    for (const [index, { res, after }] of placesIn(intent, db)) {
      if (intent.marks[index]?.outcome === 'skipped') continue;
      r.put(res, after, intent.token);
      r.count(intent.token, res, 1);
    }
  };
  const taken = r.state.tokens[db];
  const take = (): void => {
    if (!taken.some(([token]) => token === intent.token)) taken.push([intent.token, intent.digest]);
  };
  write();
  if (r.has('tokenWithEffect')) take();
  r.open.delete(db);
  r.moment('commit.database-after');
  take();
}

/** One by one, each marked once it is made. Returns the first conflict; what comes after it is not made. */
function commitFiles(r: Running, intent: Intent, later: Place[]): Conflict | undefined {
  const files = placesIn(intent, undefined).filter(([index]) => !isMade(intent, index));
  const mark = (places: readonly Place[]): void => {
    for (const [index, { res, after }] of places) {
      r.state.ghost.marked.push(`${intent.token}:${res}`);
      if (r.has('marks') && intent.marks[index]?.outcome !== 'skipped')
        intent.marks[index] = { outcome: 'applied', after };
    }
  };
  for (const [nth, [index, effect]] of files.entries()) {
    const { res, after } = effect;
    const found = r.state.world[res];
    if (found !== beforeOf(intent, index) && !mayReplace(intent, index, found) && r.has('neitherIsConflict')) {
      mark(later.splice(0));
      return conflictOf(r, effect);
    }
    if (found !== after) {
      r.keep(found);
      r.put(res, after, intent.token);
      r.count(intent.token, res, 1);
      r.moment('commit.file-renamed');
    }
    later.push([index, effect]);
    // The marks that complete the intent are not written: its record follows.
    if (nth < files.length - 1) mark(later.splice(0));
    r.moment('commit.effect-marked');
  }
  return undefined;
}

/** Appends the record of what is applied. */
export function recordIntent(r: Running, intent: Intent, run: number): StepRecord | undefined {
  const { state, ledger } = r;
  const effects = intent.effects.map((effect, index) => {
    const isSkipped = intent.marks[index]?.outcome === 'skipped';
    const after = isSkipped ? intent.marks[index]!.after : effect.after;
    return { ...effect, after, outcome: isSkipped ? ('skipped' as const) : ('applied' as const) };
  });
  for (const { res, after, outcome } of effects)
    r.must(
      state.world[res] === after ||
        (outcome === 'skipped' ? state.ghost.byPerson.includes(res) : isUnseen(state, res) && !isPassedOver(r, res)),
      'G6',
      () => `the record of ${intent.token} says ${res} = ${after}; it is ${state.world[res]}`,
    );
  const role = intent.undoes === undefined ? 'written' : 'undone';
  const changes: Change[] = [
    ...intent.reads.map(([res, value]): Change => [res, 'read', value]),
    ...effects.map(({ res, after }): Change => [res, role, after]),
    ...(intent.undoes?.settled ?? []),
  ];
  ledger.intents = ledger.intents.filter((one) => one !== intent);
  const { step, gen, once } = intent;
  if (intent.undoes !== undefined) {
    for (const { res } of effects) r.count(intent.token.slice(1), res, -1);
    r.append({ kind: 'undone', run, step, gen, undoes: intent.undoes.seq, changes });
    return undefined;
  }
  for (const older of Array.from({ length: gen }, (_, n) => `${step === 'b:s' ? 's' : step}${n}`))
    for (const [res, value] of Object.entries(state.world))
      r.must(
        (value !== older && !value.startsWith(`${older}(`)) || state.ghost.restored.includes(res as Resource),
        'G1',
        () => `${intent.token} is recorded and ${older} is still there`,
      );
  return r.append({ kind: 'step', run, step, gen, once, effects, changes }) as StepRecord & { seq: number };
}

/** Was it so already when the world was compared? */
function isPassedOver({ state: { ghost }, ledger }: Running, res: Resource): boolean {
  // Each undoing looks for itself at what it is about to change.
  return ledger.job !== 'undoing' && ghost.passedOver.includes(res) && !ghost.untold.includes(res);
}

export function isMade({ marks, effects }: Intent, index: number): boolean {
  const outcome = marks[index]?.outcome;
  return outcome === 'applied' || (outcome === 'skipped' && databaseOf(effects[index]!.res) === undefined);
}

function isRuledOn({ marks }: Intent, index: number): boolean {
  const outcome = marks[index]?.outcome;
  return outcome === 'skipped' || outcome === 'overwrite';
}

/** What a person has seen and lets be overwritten stands for what was there before, once its turn has come. */
function beforeOf({ marks, effects }: Intent, index: number): Value {
  const mark = marks[index];
  return mark?.outcome === 'overwrite' ? mark.after : effects[index]!.before;
}

function mayReplace({ marks, effects }: Intent, index: number, found: Value): boolean {
  const mark = marks[index];
  return found === effects[index]!.after || (mark?.outcome === 'overwrite' && mark.after === found);
}

function placesIn({ effects }: Intent, db: Database | undefined): Place[] {
  return [...effects.entries()].filter(([, { res }]) => databaseOf(res) === db);
}

function conflictOf(r: Running, { res, before, after }: Effect): Conflict {
  return { res, before, after, found: r.state.world[res] };
}

export { placeOf };
