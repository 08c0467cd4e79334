/** A process that makes a temporary folder and fills it; killed on the way, or it says where, and works in it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { TemporaryFolder } from '../../src/store/life/temporary-folder.ts';
import { killingHook, type Killing } from './killing.ts';

const order = JSON.parse(process.argv[2]!) as Killing;
setFaultHook(killingHook(order));
using folder = TemporaryFolder.make('trial');
writeFileSync(join(folder.path, 'content'), 'of a job');
const ended = new Promise<void>((resolve) => {
  const working = setInterval(() => undefined, 1_000);
  process.once('SIGTERM', () => {
    clearInterval(working);
    resolve();
  });
});
// Last: whoever hears it may end it.
process.stdout.write(`${folder.path}\nworks\n`);
await ended;
