/** What each run of `holdfast crash-test demo/plan.yaml` needs: the data, the office's database, the service. */
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineCrashTest } from '../src/testing.ts';
import { openOffice } from './office.ts';
import { startService } from './outside.ts';
import { steps } from './steps.ts';

const DATA = 'seattle-weather.csv';

export default defineCrashTest({
  steps,
  input: { csv: DATA },
  setUp: async ({ folder, workspace }) => {
    copyFileSync(
      fileURLToPath(new URL(`../node_modules/vega-datasets/data/${DATA}`, import.meta.url)),
      path.join(workspace, DATA),
    );
    const office = await openOffice(path.join(folder, 'office.db'));
    const service = await startService();
    return {
      input: { scaleUrl: service.url },
      env: { HOLDFAST_DEMO_DATABASE: office.url },
      close: () => service.stop(),
    };
  },
});
