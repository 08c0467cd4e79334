/** Runs counted steps in a process of its own, whose system calls somebody looks at. */
import { statSync } from 'node:fs';
import { runCounted, type CountedKind } from './counted-steps.ts';

const [workspace, kind] = process.argv.slice(2);

await runCounted({
  workspace: workspace!,
  kind: kind as CountedKind,
  onCounted: () => void statSync('/holdfast-counted', { throwIfNoEntry: false }),
});
