/** `npm run bench:peers -- kills`: what happens to the same job, killed and with its world changed, beside others. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compareByKills } from './compare.ts';
import { PEERS } from './peers.ts';
import { intoPage, report } from './report.ts';
import { keepsItsWord } from './word.ts';

const WRONG_USAGE = 2;
const PAGE = join(import.meta.dirname, '../../../docs/comparison.md');

export const KILLS_HELP = `\
npm run bench:peers -- kills                the same job, killed and with its world changed, up to 10 minutes
npm run bench:peers -- kills --only NAME    this one; may be given again
npm run bench:peers -- kills --json         one object: per peer what it did, versions, who was not run and why
npm run bench:peers -- kills --page         also puts table and data into docs/comparison.md
Peers: ${PEERS.map(({ name }) => name).join(', ')}
`;

/** Exit code: 0 when Holdfast had every effect once and noticed every change before going on, 1 when not. */
export async function runKills(args: readonly string[]): Promise<number> {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        json: { type: 'boolean' },
        page: { type: 'boolean' },
        help: { type: 'boolean' },
        only: { type: 'string', multiple: true },
      },
    }));
  } catch (error) {
    return wrongUsage((error as Error).message);
  }
  if (values.help === true) {
    process.stdout.write(KILLS_HELP);
    return 0;
  }
  const { only } = values;
  const unknown = (only ?? []).filter((name) => !PEERS.some((peer) => peer.name === name));
  if (unknown.length > 0) return wrongUsage(`no peer is named ${unknown.join(', ')}`);
  if (only !== undefined && values.page === true) return wrongUsage('the page is of all: --page without --only');
  const kinds = PEERS.filter(({ name }) => only === undefined || only.includes(name));
  const comparison = await compareByKills(kinds, (line) => process.stderr.write(`${line}\n`));
  if (values.page === true) writeFileSync(PAGE, intoPage(readFileSync(PAGE, 'utf8'), comparison));
  process.stdout.write(values.json === true ? `${JSON.stringify(comparison, null, 2)}\n` : `${report(comparison)}\n`);
  return keepsItsWord(comparison) ? 0 : 1;
}

function wrongUsage(what: string): number {
  process.stderr.write(`holdfast: ${what}.\n${KILLS_HELP}`);
  return WRONG_USAGE;
}
