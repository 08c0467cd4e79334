/** A call that can't be staged: written ahead, recorded, and taken back by its own compensation. */
import { implementStep } from 'holdfast';
import { chargeCard } from './contracts.ts';

export const steps = [
  implementStep(
    chargeCard,
    async (ctx, { order, amount }) => {
      const token = ctx.secret('SHOP_TOKEN');
      return await ctx.perform('charge', {
        request: { order, amount }, // what a person sees when it is in doubt
        run: ({ key, signal }) => post('/charges', { order, amount }, { token, key, signal }),
        inDoubt: 'ask', // never twice: the shop forgets keys
      });
    },
    {
      compensate: async (ctx, { calls }) => {
        for (const { name, answer } of calls) {
          const { id } = answer as { readonly id: string };
          await ctx.http(`refund ${name}`.replaceAll(' ', '-'), {
            url: `${process.env['SHOP_URL']}/refunds`,
            method: 'POST',
            json: { charge: id },
            headers: { authorization: { env: 'SHOP_TOKEN', prefix: 'Bearer ' } },
          });
        }
      },
    },
  ),
];

/** In place of a provider's own library. */
async function post(
  path: string,
  body: object,
  { token, key, signal }: { readonly token: string; readonly key: string; readonly signal: AbortSignal },
): Promise<{ readonly id: string }> {
  const response = await fetch(`${process.env['SHOP_URL']}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    signal,
    headers: { authorization: `Bearer ${token}`, 'idempotency-key': key, 'content-type': 'application/json' },
  });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return (await response.json()) as { readonly id: string };
}
