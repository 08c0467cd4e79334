/** The comparison by kills as a table in Markdown: for a terminal and, between two marks, for docs/comparison.md. */
import { ComparisonSchema, EFFECTS } from './result.ts';
import type { Changed, Comparison, Kill, Measured, NotRun } from './result.ts';

export const BEGIN = '<!-- by npm run bench:peers -- kills -->';
export const END = '<!-- until here -->';
const DATA = '```json';
const MOST_COLUMNS = 120;

const HEADER = ['', 'not once', 'a file edited', 'a column added', 'a column renamed', 'goes on after', 'ms a step'];

export function report(comparison: Comparison): string {
  const rows = comparison.peers.map((peer) => cells(peer).map(asCell).join(' | '));
  return [
    `| ${HEADER.join(' | ')} |`,
    `|${HEADER.map(() => '---').join('|')}|`,
    ...rows.map((row) => `| ${row} |`),
    '',
    ...shown(comparison),
    '',
    conditions(comparison),
  ].join('\n');
}

/** The part of the page that is made: the table and its data. */
export function pagePart(comparison: Comparison): string {
  const data = JSON.stringify(comparison, null, 1);
  return [BEGIN, report(comparison), '', '## The data', '', DATA, data, '```', END].join('\n');
}

/** Puts it into the page. @throws an Error where the page has no place for it */
export function intoPage(page: string, comparison: Comparison): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the page has no ${BEGIN} … ${END}`);
  return page.slice(0, begin) + pagePart(comparison) + page.slice(end + END.length);
}

/** What the page tells, as data. @throws where it has none, or other data than the schema allows */
export function dataOf(page: string): Comparison {
  const made = page.slice(page.indexOf(BEGIN), page.indexOf(END));
  const data = made.slice(made.indexOf(DATA) + DATA.length, made.lastIndexOf('```'));
  return ComparisonSchema.parse(JSON.parse(data));
}

function cells(peer: Measured | NotRun): readonly string[] {
  if ('notRun' in peer) return [peer.what, 'not run: see below', '', '', '', '', ''];
  const { what, kills, edited, added, renamed, stepMs } = peer;
  return [
    what,
    kills.map(notOnce).join('; '),
    told(edited),
    told(added),
    told(renamed),
    kills.map(goneOn).join('; '),
    `${stepMs.fastest.toFixed(1)} (${stepMs.median.toFixed(1)})`,
  ];
}

function notOnce({ notOnce: times, question }: Kill): string {
  if (times.length === 0) return question === undefined ? 'nothing' : 'nothing: it asked';
  const bySteps = Map.groupBy(EFFECTS, (effect) =>
    times
      .filter((one) => one.effect === effect)
      .map(({ step, times: count }) => (count === 2 ? `${step}` : `${step} (${count} ×)`))
      .join(', '),
  );
  const found = [...bySteps].filter(([steps]) => steps !== '');
  return found.map(([steps, effects]) => `step ${steps}: ${effects.join(', ')}`).join('; ');
}

function goneOn({ ended, goOnMs }: Kill): string {
  if (goOnMs === undefined) return 'not';
  return `${(goOnMs / 1_000).toFixed(1)} s${ended === 'by itself' ? '' : `, ${ended}`}`;
}

function told({ noticed, ended, line }: Changed): string {
  if (noticed !== 'no') {
    const words = { 'before going on': 'yes, before going on', 'by a failing step': 'when its step failed' };
    return `${words[noticed]}; ${ended === 'not' ? 'it did not go on' : `it went on ${ended}`}`;
  }
  if (line === undefined) return 'no';
  if (!line.inReport) return 'no; the edit was overwritten';
  return `no; the edit was ${line.published ? 'published' : 'left out'}`;
}

/** What a person sees, in the engine's own words. */
function shown({ peers }: Comparison): readonly string[] {
  const rows = peers.flatMap((peer) => {
    if ('notRun' in peer) return [[peer.what, 'not run', peer.notRun]];
    const { what, kills, edited, added, renamed } = peer;
    const asked = kills.flatMap(({ at, question }) => (question === undefined ? [] : [[`killed ${at}`, question]]));
    const changes = [
      ['a file edited', edited.sees],
      ['a column added', added.sees],
      ['a column renamed', renamed.sees],
    ];
    return [...asked, ...changes].map(([when, seen], index) => [index === 0 ? what : '', when!, inCode(seen!)]);
  });
  const header = ['| | when | what a person sees |', '|---|---|---|'];
  return [...header, ...rows.map((row) => `| ${row.map(asCell).join(' | ')} |`)];
}

function conditions({ date, node, postgres, cores, load, seconds, peers }: Comparison): string {
  const versions = peers.flatMap((peer) => ('notRun' in peer ? [] : Object.entries(peer.versions)));
  const named = [...new Set(versions.map(([name, version]) => `\`${name}\` ${version}`))];
  const where = `${date}, ${seconds} s in all, ${cores} cores, load ${load} at the beginning`;
  const versionsText = [`Node ${node}`, `PostgreSQL ${postgres}`, ...named].join(', ');
  const times = 'Milliseconds a step: the fastest of the undisturbed jobs (their median)';
  return wrapped(`${where}. ${versionsText}. ${times}.`);
}

function wrapped(text: string): string {
  const lines = [''];
  for (const word of text.split(' '))
    if (lines.at(-1)!.length + word.length >= MOST_COLUMNS) lines.push(word);
    else lines.push(`${lines.pop()} ${word}`.trimStart());
  return lines.join('\n');
}

function asCell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function inCode(text: string): string {
  return `\`${text.replaceAll('`', "'")}\``;
}
