/** What each step is called, what goes in and what comes out. No code: the Workflow imports this file, too. */
import { defineStep, z } from 'holdfast';

const Kind = z.enum(['question', 'refund', 'spam']);
export const Mail = z.object({
  name: z.string(),
  from: z.string(),
  subject: z.string(),
  kind: Kind,
  amount: z.number(),
});

export const listMails = defineStep({
  name: 'list-mails',
  input: z.object({ folder: z.string() }),
  output: z.object({ names: z.array(z.string()) }),
});

export const sortMail = defineStep({
  name: 'sort-mail',
  input: z.object({ folder: z.string(), name: z.string() }),
  output: Mail,
});

export const draftAnswer = defineStep({ name: 'draft-answer', input: Mail, output: z.object({ path: z.string() }) });

export const bookRefund = defineStep({ name: 'book-refund', input: Mail, output: z.object({ amount: z.number() }) });

export const writeSummary = defineStep({
  name: 'write-summary',
  input: z.object({ mails: z.array(Mail), refunded: z.number() }),
  output: z.object({ path: z.string() }),
});
