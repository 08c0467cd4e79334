/**
 * `ctx.http`: a request as a call (`perform`), with its key in the Idempotency-Key header and its response recorded.
 *
 * Invariants
 * 1. What is wrong with a request is found before anything is written or sent.
 * 2. A secret is in no record: a header names its variable, and what the endpoint echoes of it is taken out again.
 * 3. GET and HEAD, and what the step declares read-only, change nothing on the remote side: they are made again without
 *    a question, and never in doubt.
 */
import type { Json } from '../../../model/canonical-json.ts';
import { defined } from '../../../model/defined.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { issuesText } from '../../../model/issues-text.ts';
import { answerFrom, HttpAnswerSchema, type HttpAnswer } from '../../../model/step/http-answer.ts';
import { allowedUrl } from '../../../model/step/http-host.ts';
import { HttpRequestSchema, isSafeMethod, type HttpRequest } from '../../../model/step/http-request.ts';
import type { HttpOptions, HttpResponse } from '../../../model/step/step-http.ts';
import { HttpSecrets } from '../../secrets/http-secrets.ts';
import type { Attempt } from '../attempt.ts';
import { HttpCall } from './http-call.ts';
import { responseOf } from './http-response.ts';
import { perform } from './perform.ts';
import { trackCall } from './running-calls.ts';

const TOLD = 'Its answer is a response, {"status": 200, "body": "…"}; any other JSON is taken for the body.';

/** Whoever ends the attempt waits for it, with the file that it saves. */
export function http(attempt: Attempt, name: string, options: HttpOptions): Promise<HttpResponse> {
  return trackCall(attempt.stage, request(attempt, name, options));
}

async function request(attempt: Attempt, name: string, options: HttpOptions): Promise<HttpResponse> {
  const { workspace, settings } = attempt;
  const { probe, ...given } = options;
  const wanted = checkedRequest(name, given, probe !== undefined);
  const hosts = settings.http?.hosts ?? [];
  const url = allowedUrl(hosts, wanted.url);
  const secrets = new HttpSecrets(wanted.headers, workspace.env);
  workspace.secrets.knowVariables(secrets.variables);
  const saveTo = wanted.saveTo === undefined ? undefined : workspace.files.normalise(wanted.saveTo);
  const isSafe = wanted.readOnly === true || isSafeMethod(wanted.method);
  const call = new HttpCall({ workspace, request: wanted, hosts, secrets });
  const recorded = await perform<Json>(
    attempt,
    name,
    {
      request: shownRequest(wanted, url, secrets),
      inDoubt: probe === undefined ? policyOf(wanted) : 'probe',
      run: async (performed) => asJson(await call.make(performed, isSafe)),
      ...defined({ probe }),
    },
    { isSafe, told: TOLD },
  );
  return await answered(attempt, { recorded, url, saveTo });
}

function policyOf({ idempotent }: HttpRequest): 'repeat' | 'ask' {
  return idempotent ? 'repeat' : 'ask';
}

function asJson({ saved, oddBytes, ...answer }: HttpAnswer): Json {
  return { ...answer, ...defined({ saved, oddBytes }) };
}

interface RecordedResponse {
  readonly recorded: Json;
  readonly url: URL;
  /** The path of a file that the response becomes. */
  readonly saveTo: string | undefined;
}

/** A person who said that the request happened may have given the body alone. */
async function answered(
  { workspace, stage }: Attempt,
  { recorded, url, saveTo }: RecordedResponse,
): Promise<HttpResponse> {
  const whole = HttpAnswerSchema.safeParse(recorded);
  const answer = whole.success ? whole.data : answerFrom(recorded, url.href);
  if (saveTo === undefined) return responseOf(answer);
  const saved = answer.saved ?? (await workspace.blobs.put(answer.body ?? ''));
  stage.files.set(saveTo, { kind: 'write', path: saveTo, content: saved.content, sizeBytes: saved.sizeBytes });
  return responseOf({ ...answer, body: null, saved });
}

/** @throws HoldfastError `bad-input` */
function checkedRequest(name: string, given: unknown, hasProbe: boolean): HttpRequest {
  const parsed = HttpRequestSchema.safeParse(given);
  if (!parsed.success) {
    const issues = issuesText(parsed.error.issues, 'the request');
    throw new HoldfastError('bad-input', `ctx.http("${name}"): ${issues}.`, { name });
  }
  if (hasProbe && parsed.data.idempotent)
    throw new HoldfastError(
      'bad-input',
      `ctx.http("${name}") is idempotent and has a probe. Expected one of the two: ` +
        'of a request that may be repeated, nobody has to find out whether it happened.',
      { name },
    );
  return parsed.data;
}

/** What is about to be sent, as a person sees it and as a retry is compared with. */
function shownRequest({ method, json, body }: HttpRequest, url: URL, secrets: HttpSecrets): Json {
  const shown = secrets.shown();
  const headers = Object.keys(shown).length === 0 ? undefined : shown;
  return { method, url: url.href, ...defined({ headers, json, body }) };
}
