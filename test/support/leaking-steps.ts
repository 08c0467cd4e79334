/** Steps that use a secret as they should, and steps that leak it in every way that there is. For a worker process. */
import * as z from 'zod';
import type { Json } from '../../src/model/canonical-json.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { defineStep, implementStep, type StepImplementation } from '../../src/model/step/step.ts';

/** Declared by the jobs of the test; its value is planted in the worker's environment. */
export const SECRET = 'PLANTED_TOKEN';
const input = z.strictObject({ how: z.string(), token: z.string(), url: z.string().optional() });

async function* inPieces(text: string): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += 3) yield await Promise.resolve(text.slice(at, at + 3));
}

function formsIn(token: string): Record<string, string> {
  return {
    plain: token,
    json: JSON.stringify({ token }),
    url: `https://host/?token=${encodeURIComponent(token)}`,
    form: new URLSearchParams({ token }).toString(),
    ...Object.fromEntries(
      ['', 'x', 'xy'].flatMap((before, index) => [
        [`base64-${index}`, Buffer.from(`${before}${token}and more`).toString('base64')],
        [`base64url-${index}`, Buffer.from(`${before}${token}?`).toString('base64url')],
      ]),
    ),
    hex: Buffer.from(token).toString('hex'),
  };
}

type Given = z.infer<typeof input>;

/** Leaks within a sub-step what its name says behind this. */
const WITHIN = 'sub-step-';

const compensating = implementStep(
  defineStep({ name: 'leak-compensating', input: z.any(), output: z.any() }),
  () => null,
  { compensate: () => undefined },
);

export const leak = implementStep(
  defineStep({ name: 'leak', input, output: z.any() }),
  async (ctx, given): Promise<unknown> => {
    const { how, token } = given;
    if (!how.startsWith(WITHIN)) return await leakIn(ctx, given);
    const within = how.slice(WITHIN.length);
    if (within === 'input') return await ctx.step('inner', { token }, () => null);
    if (within === 'input-kept') return await ctx.step(compensating.contract, { token });
    if (within === 'name') return await ctx.step(`name/${Buffer.from(token).toString('hex')}`, null, () => null);
    return await ctx.step('inner', null, async (sub) => (await leakIn(sub, { ...given, how: within })) as Json);
  },
) as unknown as StepImplementation;

async function leakIn(ctx: StepContext, { how, token, url }: Given): Promise<unknown> {
  const forms = formsIn(token);
  switch (how) {
    case 'use': {
      const response = await fetch(url!, {
        method: 'POST',
        headers: { authorization: ctx.secret(SECRET), 'x-given': encodeURIComponent(token) },
      });
      return { status: response.status };
    }
    case 'say':
      for (const [name, form] of Object.entries(forms)) {
        ctx.log(`${name} ${form}`, { [`of ${form}`]: [form], name });
        ctx.progress(`${name} ${form}`);
      }
      return { characters: token.length };
    case 'throw':
      ctx.progress(`about to fail with ${forms['plain']}`);
      throw Object.assign(
        new Error(`failed: ${Object.values(forms).join(' ')}`, {
          cause: new TypeError(`because of ${forms['base64-1']} ${token}`),
        }),
        { details: [token] },
      );
    case 'throw-short':
      throw new Error(`no: ${forms['form']}`);
    case 'throw-long':
      throw new Error(`${'x'.repeat(3_990)} ${token} ${token}`);
    case 'output':
      return { token };
    case 'output-name':
      return { [token]: 1 };
    case 'output-basic':
      return { header: `Basic ${Buffer.from(`user:${token}`).toString('base64')}` };
    case 'output-url':
      return { header: forms['url'] };
    case 'once':
      return await ctx.once('value', () => [forms['json']!]);
    case 'file':
      await ctx.files.write('leak.txt', `the token is ${token}\n`);
      return {};
    case 'file-bytes':
      await ctx.files.write('leak.bin', Buffer.concat([Buffer.alloc(40_000), Buffer.from(forms['base64-2']!)]));
      return {};
    case 'file-stream':
      await ctx.files.write('leak.stream', inPieces(`${'.'.repeat(1_000)}${forms['base64url-1']}${'.'.repeat(1_000)}`));
      return {};
    case 'file-name':
      await ctx.files.write(`${encodeURIComponent(token)}.txt`, 'nothing');
      return {};
    case 'row':
      await ctx.db('main').insert('note', { id: 1, text: forms['form']! });
      return {};
    case 'statement':
      await ctx.db('main').sql('INSERT INTO note (id, text) VALUES (?, ?)', [2, token], { writes: ['note'] });
      return {};
    case 'query':
      return await ctx.db('main').query('SELECT ? AS token', [token]);
    case 'call':
      return {
        answered: Object.keys(
          await ctx.perform('call', {
            request: { ...forms },
            run: async () => await Promise.resolve({ echo: forms }),
          }),
        ).length,
      };
    case 'call-in-doubt':
      return await ctx.perform('call', {
        request: { token },
        run: async () => await Promise.reject(new Error(`no answer for ${token} ${forms['base64-2']}`)),
      });
    case 'large':
      await ctx.files.write('large.bin', inPieces('.'.repeat(100_000)));
      return {};
    case 'undeclared':
      return ctx.secret('NOT_DECLARED');
    case 'given':
      return { given: token };
    default:
      throw new Error(`there is no ${how}`);
  }
}

export const steps = [leak, compensating as unknown as StepImplementation];
