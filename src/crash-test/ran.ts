/** What a run of the job came to, as data. */
import type { Json } from '../model/canonical-json.ts';
import type { Question } from '../model/question/question.ts';
import type { Trace } from './child/order.ts';
import type { Arrived } from './stand-in.ts';
import type { LeftWorld } from './world.ts';

/** What one run came to. */
export interface Run {
  readonly world: LeftWorld;
  readonly end: RunEnd;
  readonly traces: readonly Trace[];
  readonly arrived: readonly Arrived[];
  readonly unanswered: ReadonlySet<string> | undefined;
  /** Was an answer lost, as was ordered? */
  readonly wasCut: boolean;
  readonly wasInjected: boolean;
  /** System call → how often one thread made it. */
  readonly calls: ReadonlyMap<string, number>;
  /** How often each question was asked and answered, by its kind and step. */
  readonly asked: readonly Question[];
  /** Takes what names the run out of a text. */
  readonly rename: (text: string) => string;
  readonly durationMs: number;
}

export type RunEnd =
  | { readonly kind: 'ended'; readonly outcome: string; readonly result: Json; readonly message?: string }
  /** Nobody answers it. */
  | { readonly kind: 'asks'; readonly question: Question }
  | { readonly kind: 'late'; readonly text: string }
  /** A worker ended otherwise than by the fault. */
  | { readonly kind: 'worker-ended'; readonly text: string };
