/** What an endpoint echoes of a header's secret is taken out, in every form that is looked for elsewhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formsOf } from '../../src/protocol/secrets/forms.ts';
import { HttpSecrets } from '../../src/protocol/secrets/http-secrets.ts';

test('a secret of a header is taken out of answers in every form that files and rows are searched for', () => {
  const value = 'p&ss/w"rd+of <some> length';
  const secrets = new HttpSecrets({ authorization: { env: 'TOKEN' } }, { TOKEN: value });
  for (const form of formsOf(value)) assert.ok(!secrets.redact(`<<${form}>>`).includes(form), form);
});
