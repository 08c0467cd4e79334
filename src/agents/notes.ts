/**
 * What the model is told of people's decisions: that somebody changed what it works on, and that this stays so.
 *
 * Invariants
 * 1. A note stands at the same place of every later prompt. Where a recorded answer has it, it comes from the record,
 *    so that a job that starts anew tells the model the same.
 * 2. A decision is told once.
 */
import type { LanguageModelV4Prompt } from '@ai-sdk/provider';
import type { DecidedFinding, Job } from '../workflows/guarded-job.ts';
import type { Note } from './contracts.ts';

interface Told {
  /** How many messages of the prompt come before it. */
  readonly after: number;
  readonly text: string;
}

export class Notes {
  readonly #job: Pick<Job, 'decisions'>;
  readonly #toldKeys = new Set<string>();
  readonly #told: Told[] = [];

  constructor(job: Pick<Job, 'decisions'>) {
    this.#job = job;
  }

  /** What people have decided and the model was not told yet. */
  pending(): readonly Note[] {
    return this.#job.decisions.flatMap(noteOf).filter(({ key }) => !this.#toldKeys.has(key));
  }

  /** @param notes what the model was told with this prompt, as its recorded answer says */
  told(prompt: LanguageModelV4Prompt, notes: readonly Note[]): void {
    if (notes.length === 0) return;
    this.#told.push({ after: prompt.length, text: textOf(notes) });
    for (const { key } of notes) this.#toldKeys.add(key);
  }

  insertedInto(prompt: LanguageModelV4Prompt, pending: readonly Note[]): LanguageModelV4Prompt {
    const last = pending.length === 0 ? [] : [{ after: prompt.length, text: textOf(pending) }];
    const notes = [...this.#told, ...last];
    const messages = prompt.flatMap((message, index) => [message, ...messagesOf(notes, index + 1)]);
    // A prompt that was cut short has no such place any more.
    const beyond = notes.filter(({ after }) => after > prompt.length);
    return [...messages, ...beyond.map(asMessage)];
  }
}

function messagesOf(notes: readonly Told[], after: number): LanguageModelV4Prompt {
  return notes.filter((note) => note.after === after).map(asMessage);
}

function asMessage({ text }: Told): LanguageModelV4Prompt[number] {
  return { role: 'user', content: [{ type: 'text', text }] };
}

function textOf(notes: readonly Note[]): string {
  const texts = notes.map(({ text }) => text);
  return ['A person has changed what you work on:', ...texts, 'Look at it again before you go on.'].join('\n\n');
}

/** None of an answer after which the world is as the agent left it. */
function noteOf({ question, resource, answer, by, reason, difference }: DecidedFinding): readonly Note[] {
  const happened = whatHappened(answer);
  if (happened === undefined) return [];
  const text = `${resource}: somebody ${happened} (${by}: ${reason})\n${difference}`.trim();
  return [{ key: `${question} ${resource}`, text }];
}

function whatHappened(answer: DecidedFinding['answer']): string | undefined {
  if (answer === 'accept') return 'changed it, and it stays so';
  return answer === 'skip' ? 'had changed it before your change came: yours was not applied to it' : undefined;
}
