/** Steps that may run at the same time: does one write what another reads or writes? */
import { builtInReads, builtInWrites } from '../step/built-in/claims.ts';
import { reach } from './edges.ts';
import type { PlanGraph } from './graph.ts';
import { overlaps, parseClaim, type Claim } from '../step/claim.ts';
import type { PlanProblem } from './problem.ts';
import type { Plan, PlanStep } from './plan.ts';

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
  const resources =
    a.claim.resource === b.claim.resource ? a.claim.resource : `${a.claim.resource} and ${b.claim.resource}`;
  const what =
    a.writes && b.writes
      ? `both write ${resources}`
      : `"${(a.writes ? a : b).step}" writes what "${(a.writes ? b : a).step}" reads: ${resources}`;
  return {
    path: `steps[${index}]`,
    message: `steps "${a.step}" and "${b.step}" may run at the same time, and ${what}`,
    expected: 'one step at a time on a resource that is written',
    hint: `let one wait for the other: needs: [${a.step}] in step "${b.step}"`,
  };
}

function claimsOf(step: PlanStep): readonly StepClaim[] {
  const declared = (texts: readonly string[]): readonly Claim[] =>
    texts
      .flatMap((text) => (text.includes('${{') ? [] : [parseClaim(text)]))
      .flatMap((claim) => (claim.ok ? [claim.value] : []));
  return [
    ...[...declared(step.writes), ...builtInWrites(step.use, step.with)].map((claim) => ({
      step: step.id,
      claim,
      writes: true,
    })),
    ...[...declared(step.reads), ...builtInReads(step.use, step.with)].map((claim) => ({
      step: step.id,
      claim,
      writes: false,
    })),
  ];
}
