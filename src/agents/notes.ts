/**
 * What the model is told of people's decisions: that somebody changed what it works on, and that this stays so.
 *
 * Invariant: a note stands at the same place of every later prompt. Where a recorded answer has it, it comes from the
 * record, so that a job that starts anew tells the model the same.
 */
import type { LanguageModelV4Prompt } from '@ai-sdk/provider';
import type { DecidedFinding, Job } from '../workflows/guarded-job.ts';

/** Answers after which the world is not as the agent left it. */
const TOLD = {
  accept: 'changed it, and it stays so',
  skip: 'had changed it before your change came: yours was not applied to it',
} as const;

export interface Note {
  readonly text: string;
  /** The number of the last decision in it. */
  readonly upTo: number;
}

export class Notes {
  readonly #job: Job;
  #toldUpTo = 0;
  /** `after`: how many messages of the prompt come before it. */
  readonly #told: { readonly after: number; readonly text: string }[] = [];

  constructor(job: Job) {
    this.#job = job;
  }

  /** What people have decided since the model was told the last time. */
  pending(): Note | undefined {
    const decided = this.#job.decisions.filter(({ number }) => number > this.#toldUpTo);
    const lines = decided.flatMap(lineOf);
    if (lines.length === 0) return undefined;
    return {
      text: ['A person has changed what you work on:', ...lines, 'Look at it again before you go on.'].join('\n\n'),
      upTo: decided.at(-1)!.number,
    };
  }

  /** @param text what the model was told with this prompt, as its recorded answer says */
  told(prompt: LanguageModelV4Prompt, text: string | null, pending: Note | undefined): void {
    if (text !== null) this.#told.push({ after: prompt.length, text });
    if (pending !== undefined && text === pending.text) this.#toldUpTo = pending.upTo;
  }

  insertedInto(prompt: LanguageModelV4Prompt, pending: Note | undefined): LanguageModelV4Prompt {
    const notes = pending === undefined ? this.#told : [...this.#told, { after: prompt.length, text: pending.text }];
    const messages = prompt.flatMap((message, index) => [message, ...messagesAfter(notes, index + 1)]);
    const beyond = notes.filter(({ after }) => after > prompt.length);
    return [...messages, ...beyond.map(({ text }) => asMessage(text))];
  }
}

function messagesAfter(
  notes: readonly { readonly after: number; readonly text: string }[],
  count: number,
): LanguageModelV4Prompt {
  return notes.filter(({ after }) => after === count).map(({ text }) => asMessage(text));
}

function asMessage(text: string): LanguageModelV4Prompt[number] {
  return { role: 'user', content: [{ type: 'text', text }] };
}

function lineOf({ resource, answer, by, reason, difference }: DecidedFinding): readonly string[] {
  if (answer !== 'accept' && answer !== 'skip') return [];
  return [`${resource}: somebody ${TOLD[answer]} (${by}: ${reason})\n${difference}`.trim()];
}
