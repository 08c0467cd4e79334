/** Random plans with conditions and rounds against a simple reference: no super-steps, no Runs, no reruns. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson, type Json, type JsonObject } from '../../src/model/canonical-json.ts';
import { itemPlaceOf, planStepOf } from '../../src/model/item-id.ts';
import { PlanSchema, type Plan } from '../../src/model/plan/plan.ts';
import type { PlanProgress } from '../../src/model/plan/run/progress.ts';
import { runPlan } from '../../src/model/plan/run/run.ts';
import { NotedJob } from '../support/noted-job.ts';

/** A step: which earlier ones it needs, from which value of the first of them on it runs, how many rounds it takes. */
interface Draft {
  readonly needs: readonly number[];
  readonly from: number | undefined;
  readonly runsAnyway: boolean;
  readonly rounds: number | undefined;
}

const drafts: fc.Arbitrary<readonly Draft[]> = fc.integer({ min: 1, max: 7 }).chain((count) =>
  fc.tuple(
    ...Array.from({ length: count }, (_, index) =>
      fc.record({
        needs: index === 0 ? fc.constant([]) : fc.uniqueArray(fc.nat(index - 1), { maxLength: 2 }),
        from: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined }),
        runsAnyway: fc.boolean(),
        rounds: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      }),
    ),
  ),
);

/** What the code of a step returns; `salt` changes what a rerun returns. */
const valueOf = (index: number, round: number, salt: number): number => (index * 7 + round * 3 + salt) % 7;

/** The value that ends the rounds comes in the round that the draft says, or earlier. */
const isLast = (draft: Draft, index: number, round: number, salt: number): boolean =>
  valueOf(index, round, salt) >= 5 || round === draft.rounds;

function planOf(given: readonly Draft[]): Plan {
  return PlanSchema.parse({
    schemaVersion: 1,
    name: 'any',
    workspace: 'w',
    state: { all: { reducer: 'append' } },
    steps: given.map(({ needs, from, runsAnyway, rounds }, index) => ({
      id: `s${index}`,
      use: 'work',
      needs: needs.map((need) => `s${need}`),
      with: Object.fromEntries(needs.map((need) => [`s${need}`, `\${{ steps.s${need}.output }}`])),
      state: { all: [`s${index}`, '${{ output }}'] },
      ...(needs.length > 0 && runsAnyway ? { onSkipped: 'run' } : {}),
      ...(needs.length > 0 && from !== undefined
        ? {
            when: {
              and: [
                { exists: `\${{ steps.s${needs[0]!}.output }}` },
                { ge: [`\${{ steps.s${needs[0]!}.output }}`, from] },
              ],
            },
          }
        : {}),
      ...(rounds === undefined
        ? {}
        : {
            until: { or: [{ ge: ['${{ output }}', 5] }, { eq: ['${{ round }}', rounds] }] },
            maxRounds: 4,
          }),
    })),
  });
}

/** Step by step, in the order of the ids. */
function referenceOf(given: readonly Draft[], salt: number): { outputs: JsonObject; skipped: readonly string[] } {
  const outputs: Record<string, Json> = {};
  const skipped: string[] = [];
  for (const [index, draft] of given.entries()) {
    const { needs, from, runsAnyway } = draft;
    const isCut = !runsAnyway && needs.some((need) => skipped.includes(`s${need}`));
    const first = needs.length === 0 ? undefined : outputs[`s${needs[0]!}`];
    const holds = needs.length === 0 || from === undefined || (typeof first === 'number' && first >= from);
    let round = 1;
    while (draft.rounds !== undefined && !isLast(draft, index, round, salt)) round += 1;
    if (isCut || !holds) skipped.push(`s${index}`);
    outputs[`s${index}`] = isCut || !holds ? null : valueOf(index, round, salt);
  }
  return { outputs, skipped };
}

function working(salt: () => number): NotedJob {
  return new NotedJob(({ id, use, input }) => {
    if (use === 'holdfast.skip') return { output: input };
    const index = Number(planStepOf(id).slice(1));
    return { output: valueOf(index, itemPlaceOf(id) ?? 1, salt()) };
  });
}

const withoutState = ({ outputs, skipped = [] }: { outputs: JsonObject; skipped?: readonly string[] }): unknown => ({
  outputs,
  skipped,
});

test('property: conditions and rounds end as a simple reference says, also after reruns and in new Runs', async () => {
  await fc.assert(
    fc.asyncProperty(drafts, fc.nat(20), async (given, at) => {
      const plan = planOf(given);
      const whole = working(() => 0);
      const undisturbed = await runPlan(plan, {}, whole);
      assert.deepEqual(withoutState(undisturbed), referenceOf(given, 0));

      // Everything is made to run again in the middle, and returns something else: as if it had from the beginning.
      let salt = 0;
      const again = working(() => salt);
      const disturbed: NotedJob = Object.assign(again, {
        onSuperStepEnd: () => {
          if (salt === 0 && again.requests.length > at) {
            salt = 1;
            again.toRewind.push(...new Set(again.ran));
          }
        },
      });
      const rerun = await runPlan(plan, {}, disturbed);
      assert.deepEqual(withoutState(rerun), referenceOf(given, salt));
      const fresh = await runPlan(
        plan,
        {},
        working(() => salt),
      );
      assert.equal(canonicalJson(rerun), canonicalJson(fresh), 'the state, too');

      // A new Run begins at each place where one may, and nothing is requested twice.
      const ran: string[] = [];
      let carried: PlanProgress | undefined;
      for (;;) {
        const part: NotedJob = working(() => 0);
        const pausing = Object.assign(part, {
          isPausing: () => part.requests.length > 0,
          onSuperStepEnd: ({
            progress,
            remaining,
          }: {
            readonly progress: PlanProgress;
            readonly remaining: number;
          }) => {
            if (remaining === 0) return;
            carried = JSON.parse(JSON.stringify(progress)) as PlanProgress;
            throw new Error('a new Run');
          },
        });
        const ended = await runPlan(plan, {}, pausing, carried).catch((error: unknown) => error as Error);
        ran.push(...part.ran);
        if (ended instanceof Error && ended.message === 'a new Run') continue;
        assert.equal(canonicalJson(ended), canonicalJson(undisturbed));
        break;
      }
      assert.deepEqual(ran.toSorted(), [...whole.ran].toSorted());
    }),
  );
});
