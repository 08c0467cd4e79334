/**
 * A server that speaks as OpenAI's does (`POST /v1/chat/completions`) and plays a recorded conversation: in turn n it
 * gives the n-th answer. Whoever asks for an answer again that was given already gets it in other words, as from a
 * model: a job that asked twice would end with another text.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

export interface Turn {
  readonly say: readonly string[];
  readonly calls: readonly { readonly tool: string; readonly input: Readonly<Record<string, string | string[]>> }[];
}

interface ChatRequest {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content?: unknown }[];
}

export class ModelServer {
  /** Each request, with the turn that it asked for: 1, 2, …; `key`: did a key come with it? */
  readonly asked: { readonly turn: number; readonly request: ChatRequest; readonly key: boolean }[] = [];
  /** How often an answer was sent to its end, by turn. */
  readonly answered = new Map<number, number>();
  /** Called before an answer is sent; it may take its time. */
  beforeAnswer: (turn: number) => Promise<void> | void = () => undefined;
  #turns: readonly Turn[];
  readonly #server: Server;

  private constructor(turns: readonly Turn[]) {
    this.#turns = turns;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  /** @param turns default: those of `conversation.json` */
  static async open(turns?: readonly Turn[], port = 0): Promise<ModelServer> {
    const server = new ModelServer(turns ?? (await recordedTurns()));
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return server;
  }

  /** One for this process, unless the environment names an endpoint. */
  static async openUnlessGiven(): Promise<ModelServer | undefined> {
    if ((process.env['OPENAI_BASE_URL'] ?? '') !== '') return undefined;
    const server = await ModelServer.open();
    process.env['OPENAI_BASE_URL'] = server.url;
    return server;
  }

  /** From here on another conversation; nothing of it was asked yet. */
  play(turns: readonly Turn[]): void {
    this.#turns = turns;
    this.asked.length = 0;
    this.answered.clear();
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chat = JSON.parse(await textOf(request)) as ChatRequest;
    const turn = chat.messages.filter(({ role }) => role === 'assistant').length + 1;
    const key = request.headers.authorization?.startsWith('Bearer ') === true;
    this.asked.push({ turn, request: chat, key });
    await this.beforeAnswer(turn);
    if (response.destroyed) return;
    const times = this.answered.get(turn) ?? 0;
    response.setHeader('content-type', 'application/json');
    this.answered.set(turn, times + 1);
    response.end(JSON.stringify(this.#completion(turn, times)));
  }

  #completion(turn: number, times: number): object {
    const { say, calls } = this.#turns[turn - 1] ?? { say: ['There is nothing more to do.'], calls: [] };
    const id = crypto.randomUUID();
    const toolCalls = calls.map(({ tool, input }, index) => ({
      id: `call_${id}_${index}`,
      type: 'function',
      function: { name: tool, arguments: JSON.stringify(inWords(input, times)) },
    }));
    return {
      id,
      object: 'chat.completion',
      created: 0,
      model: 'recorded',
      choices: [
        {
          index: 0,
          finish_reason: calls.length > 0 ? 'tool_calls' : 'stop',
          message: {
            role: 'assistant',
            content: wording(say, times),
            ...(calls.length > 0 ? { tool_calls: toolCalls } : {}),
          },
        },
      ],
      usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
    };
  }
}

async function recordedTurns(): Promise<readonly Turn[]> {
  const text = await readFile(path.join(import.meta.dirname, 'conversation.json'), 'utf8');
  return (JSON.parse(text) as { turns: Turn[] }).turns;
}

function inWords(input: Turn['calls'][number]['input'], times: number): Readonly<Record<string, string>> {
  const fields = Object.entries(input).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : wording(value, times),
  ]);
  return Object.fromEntries(fields) as Record<string, string>;
}

function wording(words: readonly string[], times: number): string {
  return words[Math.min(times, words.length - 1)] ?? '';
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += String(chunk);
  return text;
}

// By itself: `node model-server.ts`. It shows what it is asked, and whether a key came with it.
if (import.meta.main) {
  const server = await ModelServer.open(undefined, Number(process.env['PORT'] ?? 0));
  console.log(`OPENAI_BASE_URL=${server.url}`);
  server.beforeAnswer = (turn) => {
    const { request, key } = server.asked.at(-1)!;
    console.log(`asked for answer ${turn} of ${request.model}, ${key ? 'with a key' : 'without a key'}`);
  };
}
