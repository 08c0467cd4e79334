/** A recorded response, as the step's code is given it. */
import type { Json } from '../../../model/canonical-json.ts';
import { defined } from '../../../model/defined.ts';
import { HoldfastError } from '../../../model/failure.ts';
import type { HttpAnswer } from '../../../model/step/http-answer.ts';
import type { HttpResponse } from '../../../model/step/step-http.ts';

export function responseOf({ status, url, headers, body, saved }: HttpAnswer): HttpResponse {
  const text = body ?? '';
  const file = saved === undefined ? undefined : { digest: saved.content, sizeBytes: saved.sizeBytes };
  return {
    status,
    url,
    headers,
    text,
    ...defined({ saved: file }),
    json: <T extends Json = Json>() => parsed<T>(text, url),
  };
}

/** @throws HoldfastError `bad-input` */
function parsed<T extends Json>(text: string, url: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    const place = url.replace(/[?#].*$/s, '');
    throw new HoldfastError(
      'bad-input',
      `The answer of ${place} is not JSON: ${JSON.stringify(text.slice(0, 100))}.`,
      {},
      { cause: error },
    );
  }
}
