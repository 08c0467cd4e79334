/** Steps that may run at the same time: does one write what another reads or writes? */
import { builtInReads, builtInWrites } from '../../step/built-in/claims.ts';
import { overlaps, parseClaim, type Claim } from '../../step/claim.ts';
import { reach } from '../graph/edges.ts';
import type { PlanGraph } from '../graph/graph.ts';
import type { Plan, PlanStep } from '../plan.ts';
import type { PlanProblem } from '../problem/problem.ts';

interface StepClaim {
  readonly step: string;
  readonly claim: Claim;
  readonly writes: boolean;
}

/** Two steps without a path between them may run at the same time. */
export function checkParallel(plan: Plan, graph: PlanGraph): readonly PlanProblem[] {
  const claims = plan.steps.flatMap(claimsOf);
  const beyond = new Map<string, ReadonlySet<string>>();
  const comesBefore = (a: string, b: string): boolean => {
    if (!beyond.has(a)) beyond.set(a, reach(graph.usersOf, [a]));
    return beyond.get(a)!.has(b);
  };
  const told = new Set<string>();
  const problems: PlanProblem[] = [];
  for (const [index, a] of claims.entries()) {
    for (const b of claims.slice(index + 1)) {
      if (a.step === b.step || !(a.writes || b.writes) || !overlaps(a.claim, b.claim)) continue;
      const pair = `${a.step} ${b.step}`;
      if (told.has(pair) || comesBefore(a.step, b.step) || comesBefore(b.step, a.step)) continue;
      told.add(pair);
      problems.push(conflict(plan, a, b));
    }
  }
  return problems;
}

function conflict(plan: Plan, a: StepClaim, b: StepClaim): PlanProblem {
  const index = plan.steps.findIndex((step) => step.id === b.step);
  const resources = [...new Set([shownResource(a.claim), shownResource(b.claim)])].join(' and ');
  const [writer, reader] = a.writes ? [a.step, b.step] : [b.step, a.step];
  const isWrittenTwice = a.writes && b.writes;
  const what = isWrittenTwice ? `both write ${resources}` : `"${writer}" writes what "${reader}" reads: ${resources}`;
  return {
    path: `steps[${index}]`,
    message: `steps "${a.step}" and "${b.step}" may run at the same time, and ${what}`,
    expected: 'one step at a time on a resource that is written',
    hint: `let one wait for the other: needs: [${a.step}] in step "${b.step}"`,
  };
}

function shownResource({ resource }: Claim): string {
  return resource === 'file:' ? 'the whole workspace' : resource;
}

function claimsOf(step: PlanStep): readonly StepClaim[] {
  const written = [...declaredClaims(step.writes), ...builtInWrites(step.use, step.with), ...folderOf(step)];
  const read = [...declaredClaims(step.reads), ...builtInReads(step.use, step.with)];
  return [
    ...written.map((claim) => ({ step: step.id, claim, writes: true })),
    ...read.map((claim) => ({ step: step.id, claim, writes: false })),
  ];
}

/** The folder of a sub-plan is its alone. */
function folderOf({ workspace }: PlanStep): readonly Claim[] {
  return workspace === undefined ? [] : declaredClaims([`file:${workspace.replace(/\/*$/, '')}/`]);
}

/** Those that are known before the job runs. */
function declaredClaims(texts: readonly string[]): readonly Claim[] {
  return texts.flatMap((text) => {
    const claim = text.includes('${{') ? undefined : parseClaim(text);
    return claim?.ok === true ? [claim.value] : [];
  });
}
