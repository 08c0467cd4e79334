/** G1 for HTTP requests: a request takes effect once, and goes to listed hosts only. */
import { REQUESTS } from './suites.ts';
import type { Mutation } from './mutation.ts';

export const HTTP_ONCE: readonly Mutation[] = [
  {
    guarantee: 'G1',
    breaks: 'a request that may have been received is taken for not sent',
    file: 'src/effects/http/exchange.ts',
    find: 'if (isNotSent(error)) throw',
    replace: 'if (!silence.isTooLong) throw',
    tests: REQUESTS,
  },
  {
    guarantee: 'G1',
    breaks: 'any 503 is taken for "not handled"',
    file: 'src/effects/http/response.ts',
    find: '(status === 503 && afterMs !== undefined)',
    replace: 'status === 503',
    tests: REQUESTS,
  },
  {
    guarantee: 'G1',
    breaks: 'the key is lost on the way to where a redirect leads',
    file: 'src/effects/http/redirect.ts',
    find: "'user-agent', IDEMPOTENCY_KEY_HEADER]",
    replace: "'user-agent']",
    tests: REQUESTS,
  },
  {
    guarantee: 'G1',
    breaks: 'a redirect leads to a host that is not listed',
    file: 'src/effects/http/exchange.ts',
    find: 'return allowedUrl(running.request.hosts, location, running.next.url);',
    replace: 'return new URL(location, running.next.url);',
    tests: REQUESTS,
  },
  {
    guarantee: 'G1',
    breaks: 'another origin gets secrets by a redirect',
    file: 'src/effects/http/redirect.ts',
    find: 'const isSameOrigin = url.origin === request.url.origin;',
    replace: 'const isSameOrigin = true;',
    tests: REQUESTS,
  },
  {
    guarantee: 'G1',
    breaks: 'what follows a redirect to a result is taken for not performed',
    file: 'src/effects/http/redirect.ts',
    find: 'return status >= 301 && status <= 303;',
    replace: 'return status === 0;',
    tests: REQUESTS,
  },
  {
    guarantee: 'G1',
    breaks: 'Temporal does not hear when an endpoint wants to be asked again',
    file: 'src/activities/failure.ts',
    find: 'nextRetryDelay: error.retryAfterMs,',
    replace: '',
    tests: ['test/integration/http-job.test.ts'],
  },
  {
    guarantee: 'G1',
    breaks: 'an endpoint that says "at once" ends the job',
    file: 'src/effects/http/retry-after.ts',
    find: 'Math.max(milliseconds, MIN_RETRY_AFTER_MS)',
    replace: 'Math.max(milliseconds, 0)',
    tests: ['test/integration/http-job.test.ts'],
  },
  {
    guarantee: 'G1',
    breaks: 'an error of an open connection is taken for one before sending',
    file: 'src/effects/http/not-sent.ts',
    find: 'if (syscall !== undefined) return CALLS_BEFORE_SENDING.has(syscall);',
    replace: "if (syscall !== undefined) return code !== 'ECONNRESET';",
    tests: ['test/unit/http-not-sent.test.ts'],
  },
];
