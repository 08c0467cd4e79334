/** The code of the steps. It changes the world through `ctx` only; nothing is applied before a step has returned. */
import { implementStep } from 'holdfast';
import { bookRefund, draftAnswer, listMails, sortMail, writeSummary } from './contracts.ts';

const list = implementStep(listMails, async (ctx, { folder }) => {
  const files = await ctx.files.list(folder);
  return { names: files.map(({ path }) => path.slice(folder.length + 1)) };
});

const sort = implementStep(sortMail, async (ctx, { folder, name }) => {
  const path = `${folder}/${name}`;
  const text = await ctx.files.readText(path);
  // Recorded before it is used: a model would not answer the same twice.
  const { kind, amount } = await ctx.once('the model', () => askModel(text));
  await ctx.files.write(`${kind}/${name}`, text);
  await ctx.files.remove(path);
  return { name, from: header(text, 'From'), subject: header(text, 'Subject'), kind, amount };
});

const answer = implementStep(draftAnswer, async (ctx, { name, from, subject }) => {
  const path = `answers/${name}`;
  await ctx.files.write(
    path,
    `To: ${from}\nSubject: Re: ${subject}\n\nThank you for asking. We will look into it today.\n`,
  );
  return { path };
});

const refund = implementStep(bookRefund, async (ctx, { name, from, amount }) => {
  await ctx.db('desk').insert('refund', { mail: name, customer: from, amount });
  await ctx.files.write(`answers/${name}`, `To: ${from}\n\nWe have refunded ${amount.toFixed(2)}.\n`);
  return { amount };
});

const summary = implementStep(writeSummary, async (ctx, { mails, refunded }) => {
  const lines = mails.map(({ name, kind, subject }) => `- ${name}: ${kind}, "${subject}"`);
  await ctx.files.write(
    'summary.md',
    `# ${mails.length} mails, ${refunded.toFixed(2)} refunded\n\n${lines.join('\n')}\n`,
  );
  return { path: 'summary.md' };
});

export const steps = [list, sort, answer, refund, summary];

function header(text: string, name: string): string {
  return new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1] ?? '';
}

/** In place of a model. */
function askModel(text: string): { readonly kind: 'question' | 'refund' | 'spam'; readonly amount: number } {
  const amount = /refund.*?(\d+\.\d\d)/is.exec(text)?.[1];
  if (amount !== undefined) return { kind: 'refund', amount: Number(amount) };
  return { kind: text.includes('?') ? 'question' : 'spam', amount: 0 };
}
