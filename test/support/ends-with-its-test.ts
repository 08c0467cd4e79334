/** Loaded first in a process of a test: it ends when the test that started it does, also where that was killed. */
import { Socket } from 'node:net';

// Standard input is a pipe to which nobody writes: it ends with whoever holds its other side.
const untilTestEnds = new Socket({ fd: 0, readable: true, writable: false });
untilTestEnds.once('close', () => process.kill(process.pid, 'SIGKILL'));
untilTestEnds.on('error', () => untilTestEnds.destroy());
untilTestEnds.resume();
// The process ends by itself, too.
untilTestEnds.unref();
