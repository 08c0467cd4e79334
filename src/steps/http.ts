/** The code of the built-in step that makes an HTTP request. */
import type { Json } from '../model/canonical-json.ts';
import { httpStep, MAX_HTTP_STEP_BYTES } from '../model/step/built-in/http.ts';
import { implementStep } from '../model/step/step.ts';
import { refuseBackslash } from '../model/step/workspace-path.ts';

export const http = implementStep(httpStep, async (ctx, request) => {
  const { saveTo } = request;
  if (saveTo !== undefined) refuseBackslash(saveTo);
  const { status, url, headers, text, saved } = await ctx.http(
    'request',
    saveTo === undefined ? { maxBytes: MAX_HTTP_STEP_BYTES, ...request } : request,
  );
  const file =
    saved === undefined || saveTo === undefined
      ? {}
      : { path: saveTo, sizeBytes: saved.sizeBytes, digest: saved.digest };
  return { status, url, headers: { ...headers }, body: bodyOf(text, headers['content-type']), ...file };
});

/** A body that says it is JSON, and is not, is text all the same. */
function bodyOf(text: string, contentType: string | undefined): Json {
  if (text === '') return null;
  if (contentType === undefined || !/^[^;]*[/+]json\s*(;|$)/i.test(contentType)) return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
