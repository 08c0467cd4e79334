/** The Workflow: ordinary loops and branches. Everything that touches the world is a step. */
import { dbSqlStep } from 'holdfast';
import { openJob } from 'holdfast/workflow';
import { bookRefund, draftAnswer, listMails, sortMail, writeSummary } from './contracts.ts';

export interface TriageInput {
  readonly workspace: string;
  /** Refunds above it wait for a person. */
  readonly approveAbove: number;
}

export async function triageMails(input: TriageInput): Promise<{ readonly mails: number; readonly refunded: number }> {
  return await openJob(
    { workspace: input.workspace, args: [input], databases: { desk: 'sqlite:desk.db' } },
    async (job) => {
      // A built-in step.
      const sql = 'CREATE TABLE refund (mail TEXT PRIMARY KEY, customer TEXT NOT NULL, amount REAL NOT NULL)';
      await job.step(dbSqlStep, { database: 'desk', sql, writes: ['refund'] }, { id: 'make-table' });

      const folder = 'inbox';
      const { names } = await job.step(listMails, { folder });
      const mails = [];
      let refunded = 0;
      for (const name of names) {
        const mail = await job.step(sortMail, { folder, name }, { id: `sort/${name}` });
        mails.push(mail);
        if (mail.kind === 'question') await job.step(draftAnswer, mail, { id: `answer/${name}` });
        if (mail.kind === 'refund') {
          const approval = mail.amount > input.approveAbove ? { approval: 'before-apply' as const } : {};
          const booked = await job.step(bookRefund, mail, { id: `refund/${name}`, ...approval });
          refunded += booked.amount;
        }
      }
      await job.step(writeSummary, { mails, refunded });
      return { mails: mails.length, refunded };
    },
  );
}
