import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { runSuite } from './suite.ts';

runSuite('HoldfastSaver in a folder', async () => {
  const location = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-langgraph-'));
  return { location, remove: async () => fs.rm(location, { recursive: true, force: true }) };
});
