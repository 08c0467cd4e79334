/** How failures of Activities cross into Temporal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { asTemporalFailure } from '../../src/activities/failure.ts';
import { HoldfastError } from '../../src/model/failure.ts';
import { FAILURES, type FailureType } from '../../src/model/failures.ts';
import { Secrets } from '../../src/protocol/secrets/secrets.ts';

test('what belongs to the ordinary course of things is no failure in logs and metrics; all else is one', () => {
  const expected = Object.keys(FAILURES).filter((type) => {
    const failure = asTemporalFailure(new HoldfastError(type as FailureType, 'so it was'), new Secrets({}), false);
    assert.ok(failure instanceof ApplicationFailure);
    return failure.category === 'BENIGN';
  });
  assert.deepEqual(expected, ['endpoint-busy', 'busy', 'fenced', 'not-current-run', 'stale-world']);
});
