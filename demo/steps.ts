/**
 * The steps of the demo's plan: contracts and code. The code stages; what it staged is applied when it has returned.
 */
import { createHash } from 'node:crypto';
import * as z from 'zod';
import { defineStep, implementStep, type StepContext, type StepImplementation } from '../src/index.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const SERVICE_LIMIT_MS = 5_000;

const MonthlySchema = z.strictObject({
  unit: z.string(),
  months: z.array(z.strictObject({ month: z.string(), mean: z.number() })).length(12),
});
/** The wind speed in m/s from which a force is counted. */
const ScaleSchema = z
  .array(z.strictObject({ force: z.int(), name: z.string(), fromMetresPerSecond: z.number() }))
  .min(1);
const HighlightSchema = z.strictObject({ highlight: z.string() });

export const loadWeatherStep = defineStep({
  name: 'load-weather',
  input: z.strictObject({ file: z.string() }),
  output: z.strictObject({ days: z.int(), first: z.string(), last: z.string() }),
});
export const analyseRainStep = defineStep({ name: 'analyse-rain', input: z.strictObject({}), output: HighlightSchema });
export const analyseWindStep = defineStep({
  name: 'analyse-wind',
  input: z.strictObject({ scaleUrl: z.url() }),
  output: HighlightSchema,
});
export const drawChartStep = defineStep({
  name: 'draw-chart',
  input: z.strictObject({}),
  output: z.strictObject({ path: z.string(), sha256: z.string() }),
});
export const writeReportStep = defineStep({
  name: 'write-report',
  input: z.strictObject({ days: z.int(), highlights: z.array(z.string()), chart: z.string() }),
  output: z.strictObject({ path: z.string(), words: z.int() }),
});

const loadWeather = implementStep(loadWeatherStep, async (ctx, { file }) => {
  const [header = '', ...lines] = (await ctx.files.readText(file)).trim().split('\n');
  if (header !== 'date,precipitation,temp_max,temp_min,wind,weather')
    throw new Error(`${file} has other columns than expected: ${header}`);
  const rows = lines.map((line) => {
    const [day = '', precipitation, warmest, coldest, wind, weather = ''] = line.split(',');
    return {
      day,
      precipitation: Number(precipitation),
      warmest: Number(warmest),
      coldest: Number(coldest),
      wind: Number(wind),
      weather,
    };
  });
  await ctx.db('office').insert('weather', rows);
  return { days: rows.length, first: rows[0]!.day, last: rows.at(-1)!.day };
});

const analyseRain = implementStep(analyseRainStep, async (ctx) => {
  const days = await daily(ctx, 'precipitation');
  const wet = days.filter(({ value }) => value > 0).length;
  const wettest = days.reduce((most, day) => (day.value > most.value ? day : most));
  const months = monthlyMeans(days);
  const rainiest = months.reduce((most, month) => (month.mean > most.mean ? month : most));
  await writeMonthly(ctx, 'rain.json', 'mm a day', months);
  await ctx.files.write(
    'rain.md',
    [
      `It rained on ${wet} of ${days.length} days (${percent(wet, days.length)}).`,
      `The rainiest month is ${rainiest.month}, with ${rainiest.mean} mm a day.`,
      `The wettest day was ${wettest.day}: ${wettest.value} mm.`,
      '',
    ].join('\n'),
  );
  return { highlight: `${rainiest.month} is the rainiest month` };
});

const analyseWind = implementStep(analyseWindStep, async (ctx, { scaleUrl }) => {
  const days = await daily(ctx, 'wind');
  // Recorded before it is used: a retry sees the same answer, whatever the service says then.
  const scale = ScaleSchema.parse(
    await ctx.once('scale', async () => ScaleSchema.parse(await askService(scaleUrl, ctx.signal))),
  );
  const months = monthlyMeans(days);
  const windiest = days.reduce((most, day) => (day.value > most.value ? day : most));
  const force = scale.findLast(({ fromMetresPerSecond }) => windiest.value >= fromMetresPerSecond) ?? scale[0]!;
  await writeMonthly(ctx, 'wind.json', 'm/s', months);
  await ctx.files.write(
    'wind.md',
    [
      `The windiest day was ${windiest.day}: ${windiest.value} m/s, force ${force.force} (${force.name}).`,
      ...scale.map(
        ({ name, fromMetresPerSecond }) =>
          `At least a ${name}: ${days.filter(({ value }) => value >= fromMetresPerSecond).length} days.`,
      ),
      '',
    ].join('\n'),
  );
  return { highlight: `${windiest.day} was the windiest day` };
});

const drawChart = implementStep(drawChartStep, async (ctx) => {
  const [rain, wind] = [await readMonthly(ctx, 'rain.json'), await readMonthly(ctx, 'wind.json')];
  const svg = chartSvg(
    rain.months.map(({ mean }) => mean),
    wind.months.map(({ mean }) => mean),
  );
  const sha256 = createHash('sha256').update(svg).digest('hex');
  await ctx.files.write('chart.svg', svg);
  await ctx.db('office').insert('figure', { id: 'chart', path: 'chart.svg', sha256 });
  return { path: 'chart.svg', sha256 };
});

const writeReport = implementStep(writeReportStep, async (ctx, { days, highlights, chart }) => {
  const kinds = await ctx
    .db('office')
    .query<{ weather: string; days: unknown }>(
      'SELECT weather, count(*) AS days FROM weather GROUP BY weather ORDER BY count(*) DESC, weather',
    );
  const report = [
    '# Weather in Seattle',
    '',
    `${days} days. ${highlights.join('; ')}.`,
    '',
    `![Rain and wind by month](${chart})`,
    '',
    '## Rain',
    '',
    await ctx.files.readText('rain.md'),
    '## Wind',
    '',
    await ctx.files.readText('wind.md'),
    '## Days by kind',
    '',
    '| kind | days |',
    '|---|---:|',
    ...kinds.map((kind) => `| ${kind.weather} | ${String(kind.days)} |`),
    '',
  ].join('\n');
  await ctx.files.write('report.md', report);
  return { path: 'report.md', words: report.split(/\s+/).length };
});

export const steps: readonly StepImplementation[] = [
  loadWeather,
  analyseRain,
  analyseWind,
  drawChart,
  writeReport,
] as unknown as readonly StepImplementation[];

interface Day {
  readonly day: string;
  readonly value: number;
}

async function daily(ctx: StepContext, column: 'precipitation' | 'wind'): Promise<readonly Day[]> {
  const rows = await ctx
    .db('office')
    .query<{ day: string; value: unknown }>(`SELECT day, ${column} AS value FROM weather ORDER BY day`);
  return rows.map(({ day, value }) => ({ day, value: Number(value) }));
}

function monthlyMeans(days: readonly Day[]): { month: string; mean: number }[] {
  return MONTHS.map((month, index) => {
    const values = days.filter(({ day }) => Number(day.slice(5, 7)) === index + 1).map(({ value }) => value);
    return {
      month,
      mean: Math.round((values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)) * 100) / 100,
    };
  });
}

async function writeMonthly(
  ctx: StepContext,
  path: string,
  unit: string,
  months: z.infer<typeof MonthlySchema>['months'],
): Promise<void> {
  await ctx.files.write(path, `${JSON.stringify({ unit, months }, null, 2)}\n`);
}

async function readMonthly(ctx: StepContext, path: string): Promise<z.infer<typeof MonthlySchema>> {
  return MonthlySchema.parse(JSON.parse(await ctx.files.readText(path)));
}

async function askService(url: string, signal: AbortSignal): Promise<unknown> {
  const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(SERVICE_LIMIT_MS)]) });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status} ${answer.statusText}`);
  return await answer.json();
}

function percent(part: number, whole: number): string {
  return `${Math.round((part / whole) * 100)} %`;
}

const CHART = { width: 640, height: 320, left: 46, right: 46, top: 34, bottom: 34 } as const;

/** Bars: rain, left axis. Line: wind, right axis. */
function chartSvg(rain: readonly number[], wind: readonly number[]): string {
  const { width, height, left, right, top, bottom } = CHART;
  const [rainMost, windMost] = [Math.ceil(Math.max(...rain)), Math.ceil(Math.max(...wind))];
  const slot = (width - left - right) / MONTHS.length;
  const y = (value: number, most: number): number => round(height - bottom - (value / most) * (height - top - bottom));
  const x = (index: number): number => round(left + (index + 0.5) * slot);
  const bars = rain.map(
    (value, index) =>
      `  <rect x="${round(x(index) - slot * 0.35)}" y="${y(value, rainMost)}" width="${round(slot * 0.7)}" ` +
      `height="${round(height - bottom - y(value, rainMost))}" fill="#4f8fcf"/>`,
  );
  const names = MONTHS.map(
    (month, index) => `  <text x="${x(index)}" y="${height - 12}" text-anchor="middle">${month}</text>`,
  );
  const points = wind.map((value, index) => `${x(index)},${y(value, windMost)}`).join(' ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" ` +
      'font-size="12" fill="#333">',
    '  <title>Rain and wind in Seattle by month</title>',
    `  <rect width="${width}" height="${height}" fill="#fff"/>`,
    `  <text x="${left}" y="20" fill="#4f8fcf">rain, mm a day</text>`,
    `  <text x="${width - right}" y="20" text-anchor="end" fill="#d9742b">wind, m/s</text>`,
    ...[0, rainMost].map(
      (value) => `  <text x="${left - 8}" y="${y(value, rainMost) + 4}" text-anchor="end">${value}</text>`,
    ),
    ...[0, windMost].map((value) => `  <text x="${width - right + 8}" y="${y(value, windMost) + 4}">${value}</text>`),
    `  <line x1="${left}" y1="${height - bottom}" x2="${width - right}" y2="${height - bottom}" stroke="#999"/>`,
    ...bars,
    ...names,
    `  <polyline points="${points}" fill="none" stroke="#d9742b" stroke-width="2.5"/>`,
    '</svg>',
    '',
  ].join('\n');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
