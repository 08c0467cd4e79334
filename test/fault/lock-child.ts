/** A process that takes a lock, says so, and holds it as long as it is told. */
import { openWorkspaceLock } from '../../src/store/lock/lock.ts';

const [directory, purpose, holdMs, stillMs] = process.argv.slice(2) as [string, string, string, string | undefined];
const lock = openWorkspaceLock(directory, stillMs === undefined ? {} : { stillMs: Number(stillMs) });
await lock.hold(purpose, async () => {
  process.stdout.write('held\n');
  await new Promise((resolve) => setTimeout(resolve, Number(holdMs)));
});
lock.close();
process.stdout.write('released\n');
