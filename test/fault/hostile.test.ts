/** As unit/hostile, with many inputs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { madeArchive } from '../support/ended-job.ts';
import { hostileEntries } from '../support/hostile-entries.ts';
import { tryHostile } from '../support/hostile-runs.ts';

const INPUTS = 3_000;
const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-hostile-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const entries = hostileEntries(folder, await madeArchive(path.join(folder, 'archived')));

for (const entry of entries)
  test(`whatever ${entry.name} is, it is taken or refused by name: ${INPUTS} inputs`, (t) =>
    tryHostile(entry, t, INPUTS));
