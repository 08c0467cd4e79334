#!/usr/bin/env node
/** The program `holdfast`. What needs a new Node is imported once it is known that this is one. */
import { nodeProblem } from './cli/node-version.ts';

const json = process.argv.includes('--json');
const problem = nodeProblem(process.versions.node, json) ?? (await import('./cli/sdk-packages.ts')).sdkProblem(json);
if (problem !== undefined) {
  process[json ? 'stdout' : 'stderr'].write(`${problem}\n`);
  process.exitCode = 2;
} else {
  (await import('./cli/compiled.ts')).keepCompiled(process.env);
  const [{ runCli }, { processTerminal }] = await Promise.all([
    import('./cli/program.ts'),
    import('./cli/terminal.ts'),
  ]);
  // Set, not `process.exit`: what is still to be written is written first.
  process.exitCode = await runCli(process.argv.slice(2), processTerminal());
}
