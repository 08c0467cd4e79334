import os from 'node:os';
import path from 'node:path';
import { defineConfig } from 'vitest/config';

/** The suite finds `describe` and `expect` among the globals. */
export default defineConfig({
  // Nothing is left in the checkout.
  cacheDir: path.join(os.tmpdir(), 'holdfast-vitest'),
  test: { root: import.meta.dirname, include: ['*.suite.ts'], globals: true, cache: false },
});
