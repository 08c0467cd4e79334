/**
 * The guarantees, each broken once: what is taken away, and the tests that must then fail. `npm run mutate` does it in a
 * copy of the checkout. A mutation that no test notices is a guarantee without a test.
 */
export interface Mutation {
  /** The guarantee that is broken, as in docs/guarantees.md. */
  readonly guarantee: 'G1' | 'G2' | 'G3' | 'G4' | 'G5' | 'G6' | 'T' | 'Encryption' | 'Secrets';
  readonly breaks: string;
  readonly file: string;
  /** Must occur exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Test files, at least one of which must fail. */
  readonly tests: readonly string[];
  /** Only the tests whose names match. */
  readonly name?: string;
}

const KILLS = ['test/integration/kills.test.ts'];
const DRIFT = ['test/integration/drift.test.ts'];
const UNDOING = ['test/integration/compensate.test.ts'];
const DECISIONS = ['test/integration/decisions.test.ts', 'test/integration/decisions-repair.test.ts'];

export const MUTATIONS: readonly Mutation[] = [
  {
    guarantee: 'G1', breaks: 'a step whose token is recorded is run again', file: 'src/protocol/step/run-step.ts',
    find: 'if (done !== undefined) return', replace: 'if (done !== undefined && this.#caller.runId === "") return', tests: ['test/integration/guarded-step.test.ts', ...KILLS],
  },
  {
    guarantee: 'G1', breaks: 'the token row no longer tells that a database has committed', file: 'src/protocol/commit/apply.ts',
    find: "if (taken.outcome === 'there') return", replace: "if (taken.outcome === 'there' && name === '') return", tests: KILLS,
  },
  {
    guarantee: 'G1', breaks: 'a half-applied intent is forgotten and the code runs again', file: 'src/protocol/step/run-step.ts',
    find: "const isOpenIntent = sealed !== undefined && sealed.state !== 'dropped';", replace: "const isOpenIntent = sealed !== undefined && sealed.state === 'done';", tests: KILLS,
  },
  {
    guarantee: 'G1', breaks: 'a fence row of another term does not stop a leftover', file: 'src/protocol/commit/apply.ts',
    find: 'if (!(await transaction.passFence(jobId, term, token))) return', replace: 'if (!(await transaction.passFence(jobId, term, token)) && name === "") return', tests: ['test/integration/another-host.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'an attempt that was replaced goes on', file: 'src/protocol/attempt/claim.ts',
    find: 'if (current?.nonce !== this.#row.nonce) {', replace: 'if (current === undefined) {', tests: ['test/fault/schedules-leftovers.test.ts', 'test/integration/resume.test.ts'],
  },
  {
    guarantee: 'G2', breaks: 'a worker that came after the comparison is taken for covered', file: 'src/protocol/step/guard.ts',
    find: 'if (ordinal > job.markOrdinal) return', replace: 'if (ordinal < 0) return', tests: ['test/integration/guarded-step.test.ts'],
  },
  {
    guarantee: 'G2', breaks: 'a new worker is not registered', file: 'src/protocol/step/guard.ts',
    find: "return { reason: 'worker-not-covered', detail: `worker ${host.worker.id} is new here` };", replace: 'return whyNotFresh(job, host.clock());', tests: DRIFT,
  },
  {
    guarantee: 'G2', breaks: 'another Run goes on without a comparison', file: 'src/protocol/step/guard.ts',
    find: 'if (job.runId !== caller.runId) return', replace: 'if (job.runId === "") return', tests: ['test/integration/guarded-step.test.ts'],
  },
  {
    guarantee: 'G2', breaks: 'a long wait passes without a comparison', file: 'src/protocol/step/guard.ts',
    find: 'if (elapsedMs > verifyAfterMs) {', replace: 'if (elapsedMs < 0) {', tests: DRIFT,
  },
  {
    guarantee: 'G2', breaks: 'a claim left open is simply replaced', file: 'src/protocol/step/run-step.ts',
    find: "if (before === undefined || (before.state !== 'open' && before.state !== 'left-open')) return undefined;", replace: 'if (before !== null) return undefined;', tests: ['test/integration/resume.test.ts', 'test/integration/guarded-step.test.ts', ...KILLS],
  },
  {
    guarantee: 'G2', breaks: 'steps that a reset made the Workflow forget are not noticed', file: 'src/protocol/verify/ledger-findings.ts',
    find: 'return [...this.#ahead.values()].filter(({ seq }) => !this.#adopted.has(seq));', replace: 'return [...this.#ahead.values()].filter(({ seq }) => !this.#adopted.has(seq) && seq < 0);', tests: [...DRIFT, ...DECISIONS],
  },
  {
    guarantee: 'G2', breaks: 'a verification of a Run that is not the current one goes on', file: 'src/protocol/workspace/term.ts',
    find: 'if (current !== caller.runId) {', replace: 'if (current === "") {', tests: ['test/fault/schedules-leftovers.test.ts', 'test/integration/resume.test.ts'],
  },
  {
    guarantee: 'G3', breaks: 'a decision is carried out although the world has moved', file: 'src/protocol/repair/repair.ts',
    find: 'if (now.moved.length > 0) {', replace: 'if (now.moved.length < 0) {', tests: ['test/integration/decisions-refused.test.ts', ...DECISIONS],
  },
  {
    guarantee: 'G3', breaks: 'the same drift next week is the same question', file: 'src/model/question/question.ts',
    find: 'return digestOf({ nonce, findings: findingsIdentity(findings) });', replace: 'return digestOf({ findings: findingsIdentity(findings), nonce: nonce.slice(0, 0) });', tests: DECISIONS,
  },
  {
    guarantee: 'G3', breaks: 'an approval covers another draft', file: 'src/protocol/step/run-step.ts',
    find: 'if (row.approval && !this.#isApproved(ledger, row.digest))', replace: 'if (row.approval && claim.row.dropped === 0 && !this.#isApproved(ledger, row.digest))', tests: DECISIONS,
  },
  {
    guarantee: 'G4', breaks: 'a write replaces what the record does not expect', file: 'src/protocol/attempt/manifest-check.ts',
    find: 'if (entry === undefined || entry.digest === stateDigest(found)) return;', replace: 'if (entry !== null) return;', tests: ['test/integration/guarded-step.test.ts', 'test/unit/protocol-smoke.test.ts'],
  },
  {
    guarantee: 'G4', breaks: '"could not read" is taken for "unchanged"', file: 'src/protocol/verify/compare.ts',
    find: "return sighting?.outcome === 'seen' && acceptable", replace: "return sighting?.outcome !== 'seen' || acceptable", tests: ['test/integration/drift-unreadable.test.ts'],
  },
  {
    guarantee: 'G4', breaks: 'the bytes that stood there are not kept before they are replaced', file: 'src/effects/files/change.ts',
    find: "if (seen.outcome !== 'seen' || seen.state.kind !== 'file' || blobs.has(seen.state.content)) return;", replace: 'if (path !== "") return;', tests: ['test/unit/file-change.test.ts', ...DECISIONS],
  },
  {
    guarantee: 'G5', breaks: 'a recorded value is not used on a retry', file: 'src/protocol/attempt/context.ts',
    find: 'if (recorded !== undefined && recorded.reads === reads) {', replace: 'if (recorded !== undefined && recorded.reads === "") {', tests: ['test/integration/guarded-step.test.ts', ...KILLS],
  },
  {
    guarantee: 'G5', breaks: 'a recorded value is used although what was read before it has changed', file: 'src/protocol/attempt/context.ts',
    find: 'if (recorded !== undefined && recorded.reads === reads) {', replace: 'if (recorded !== undefined) {', tests: ['test/integration/guarded-step.test.ts'],
  },
  {
    guarantee: 'G6', breaks: 'an older copy of the ledger is believed', file: 'src/protocol/verify/ledger-findings.ts',
    find: 'if (ledger.headAt(jobId, known.seq) !== known.head) {', replace: 'if (ledger.headAt(jobId, known.seq) === "") {', tests: DRIFT,
  },
  {
    guarantee: 'G6', breaks: 'a changed record is not noticed', file: 'src/store/ledger/chain-check.ts',
    find: 'if (computed !== stated) return', replace: 'if (computed === "") return', tests: ['test/unit/ledger.test.ts', ...DECISIONS, ...DRIFT],
  },
  {
    guarantee: 'G6', breaks: 'a record that was read once is not looked at again', file: 'src/store/ledger/chain-check.ts',
    find: 'if (this.#parsed.has(computed))', replace: 'if (this.#parsed.has(stored.head))', tests: ['test/unit/ledger.test.ts'],
  },
  {
    guarantee: 'G6', breaks: "another job's workspace is taken without a word", file: 'src/protocol/verify/verify-world.ts',
    find: 'if (bound !== undefined && bound !== jobId) return', replace: 'if (bound === "") return', tests: [...DECISIONS, ...DRIFT, 'test/integration/ending.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'what was asked before a rerun runs with its void input', file: 'src/workflows/gate.ts',
    find: 'if (this.#rewinds === rewinds) return false;', replace: 'if (this.#rewinds >= rewinds) return false;', tests: ['test/integration/open-job.test.ts'],
  },
  {
    guarantee: 'G3', breaks: 'a repair that fails ends the job', file: 'src/workflows/gate.ts',
    find: 'throw this.#notCarriedOut(decision, error);', replace: 'throw error;', tests: ['test/integration/decisions-refused.test.ts'], name: 'cannot be carried out',
  },
  {
    guarantee: 'G4', breaks: 'a record that a power loss took is not appended again', file: 'src/protocol/verify/verify-world.ts',
    find: 'redoLostRecord(ledger, jobId, this.#request.known);', replace: 'if (jobId === "") redoLostRecord(ledger, jobId, this.#request.known);', tests: ['test/integration/power-loss.test.ts'],
  },
  {
    guarantee: 'G4', breaks: 'small contents are not sealed with the intent', file: 'src/protocol/step/run-step.ts',
    find: 'for (const [content, bytes] of contentsOf(intent, stage)) ledger', replace: 'for (const [content, bytes] of contentsOf(intent, stage)) if (content === "") ledger', tests: ['test/integration/guarded-step.test.ts'],
  },
  {
    guarantee: 'G5', breaks: 'outputs beyond what a payload can hold are carried by continue-as-new', file: 'src/workflows/agent-job.ts',
    find: 'const progress = boundedProgress(end.progress, MAX_CARRIED_BYTES);', replace: 'const progress: PlanProgress = end.progress;', tests: ['test/integration/agent-job.test.ts'], name: 'too large for continue-as-new',
  },
  {
    guarantee: 'G5', breaks: 'a new Run is begun although it asks again for all that was done', file: 'src/workflows/step-results.ts',
    find: 'return this.#leftOut === 0 || this.#added - this.#askedAgain > this.#leftOut;', replace: 'return true;', tests: ['test/unit/carried.test.ts'],
  },
  {
    guarantee: 'T', breaks: 'an Activity that fails for ever is seen by nobody', file: 'src/client/jobs.ts',
    find: 'return retrying.length === 0 ? status : { ...status, retrying };', replace: 'return retrying.length < 0 ? { ...status, retrying } : status;', tests: ['test/integration/cli.test.ts'], name: 'fails for ever',
  },
  {
    guarantee: 'G6', breaks: 'what is half applied and asked for by nobody stays so', file: 'src/protocol/verify/abandoned.ts',
    find: 'if (asking === undefined) return undefined;', replace: 'if (asking !== null) return undefined;', tests: ['test/integration/abandoned.test.ts'],
  },
  {
    guarantee: 'G6', breaks: 'what another Run had half applied is finished without a word', file: 'src/protocol/verify/verify-world.ts',
    find: 'const runId = job.runId === this.#request.continuedFrom ? this.#caller.runId : job.runId;', replace: 'const runId = this.#caller.runId;', tests: ['test/integration/abandoned.test.ts'],
  },
  {
    guarantee: 'G6', breaks: 'a workspace is taken although what its job had half applied is not finished', file: 'src/protocol/end/release.ts',
    find: 'if (ledger.openIntents(bound).length > 0) {', replace: 'if (ledger.openIntents(bound).length < 0) {', tests: ['test/integration/take-over.test.ts'],
  },
  {
    guarantee: 'G6', breaks: 'what stands in the way of finishing a half-applied step is not asked about', file: 'src/protocol/verify/ledger-findings.ts',
    find: 'return isOpen ? [binding] :', replace: 'return boundJobId !== "" ? [binding] :', tests: ['test/integration/take-over.test.ts'],
  },
  {
    guarantee: 'G4', breaks: 'a worker that ends a job at its start makes a lost database anew', file: 'src/protocol/end/release.ts',
    find: '    expectRecordedDatabases(workspace, job.settings, ledger, request.jobId);', replace: '', tests: ['test/integration/database-gone.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'parallel steps that spell a table differently write two resources', file: 'src/protocol/commit/table-spelling.ts',
    find: 'return isAsSpelled ?', replace: "return isAsSpelled || intent.jobId !== '' ?", tests: ['test/integration/table-spelling.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'many rows share a statement although a trigger can tell', file: 'src/effects/database/postgres-bulk.ts',
    find: 'plain.set(table, await isPlain(options, table))', replace: 'plain.set(table, true)', tests: ['test/integration/database-postgres.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'a token that meets other arguments answers all the same', file: 'src/protocol/step/run-step.ts',
    find: 'done.record.args === this.#args ? doneResult', replace: "done.record.args !== '' ? doneResult", tests: ['test/integration/guarded-step.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'two parallel steps may write one file', file: 'src/protocol/commit/seal.ts',
    find: 'if (parallelWith.length === 0) return;', replace: 'if (parallelWith.length >= 0) return;', tests: ['test/integration/guarded-step.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'two processes hold the lock together', file: 'src/store/lock/lock.ts',
    find: "database.prepare('BEGIN EXCLUSIVE')", replace: "database.prepare('BEGIN DEFERRED')", tests: ['test/unit/lock.test.ts', 'test/fault/lock.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'a statement of a step may end its transaction', file: 'src/effects/database/statement-text.ts',
    find: 'export function controlsTransaction(text: string): boolean {', replace: "export function controlsTransaction(text: string): boolean {\n  if (text !== '') return false;", tests: ['test/integration/database-sqlite.test.ts', 'test/integration/database-postgres.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'a rerun undoes the oldest first', file: 'src/protocol/repair/items.ts',
    find: 'filter(({ stepId }) => again.has(stepId)).reverse();', replace: 'filter(({ stepId }) => again.has(stepId));', tests: ['test/integration/decisions-repair.test.ts'],
  },
  {
    guarantee: 'G2', breaks: 'steps go on while a question about the world is open', file: 'src/protocol/step/run-step.ts',
    find: 'return about === undefined ? undefined :', replace: 'return about !== null ? undefined :', tests: ['test/integration/guarded-step.test.ts'],
  },
  {
    guarantee: 'G2', breaks: 'a step is stale that read an earlier content', file: 'src/protocol/verify/stale-steps.ts',
    find: 'record.seq >= recordedSeq && ', replace: '', tests: ['test/unit/stale-steps.test.ts'],
  },
  {
    guarantee: 'G2', breaks: 'a fence row of an earlier copy of a database says nothing', file: 'src/protocol/verify/compare.ts',
    find: 'if (fence?.term === term || term === 0) continue;', replace: 'if (fence !== null) continue;', tests: ['test/integration/database-gone.test.ts'],
  },
  {
    guarantee: 'G2', breaks: "another version of a step's code is not noticed", file: 'src/protocol/look/look.ts',
    find: 'sightings.set(request.resource, lookAtCode(parts.host, resource.step));', replace: 'sightings.set(request.resource, seenState(request.recorded ?? ABSENT));', tests: DRIFT,
  },
  {
    guarantee: 'G3', breaks: 'a decision answers a question that another has answered', file: 'src/protocol/repair/repair.ts',
    find: 'if (canonicalJson(sealed.decision) !== canonicalJson(decision)) return', replace: 'if (sealed.decision === undefined) return', tests: ['test/integration/decisions-refused.test.ts'],
  },
  {
    guarantee: 'G3', breaks: 'contradictory answers are taken', file: 'src/model/question/decision.ts',
    find: 'problems.push(...contradictions(question, answers));', replace: 'problems.push(...contradictions(question, {}));', tests: ['test/unit/decision.test.ts', 'test/integration/decisions-refused.test.ts'],
  },
  {
    guarantee: 'G4', breaks: 'an undo replaces a row that somebody has changed since', file: 'src/protocol/repair/items.ts',
    find: 'return found !== undefined && sameState(found, shown);', replace: 'return found !== undefined;', tests: ['test/integration/decisions-repair.test.ts'],
  },
  {
    guarantee: 'G4', breaks: 'bytes written into a file while it was taken away are dropped with it', file: 'src/effects/files/commit.ts',
    find: '      await this.#keepIfUnknown(file, state.content);\n      if (before.kind', replace: '      if (before.kind', tests: ['test/unit/file-change.test.ts'],
  },
  {
    guarantee: 'G4', breaks: 'a path goes up out of the workspace', file: 'src/effects/files/path.ts',
    find: "if (part === '..') throw", replace: "if (part === '...') throw", tests: ['test/unit/file-path.test.ts'],
  },
  {
    guarantee: 'G5', breaks: 'rows that a query read are not compared again', file: 'src/protocol/commit/apply.ts',
    find: 'if (rowsDigest((await database.query(query.sql, query.params)).rows) !== query.rows) return', replace: "if (query.rows === '') return", tests: ['test/integration/guarded-step.test.ts'],
  },
  {
    guarantee: 'G5', breaks: 'state depends on which parallel step was faster', file: 'src/model/plan/job-state.ts',
    find: 'plan.steps.filter((step) => outputs.has(step.id)', replace: 'finished.flatMap(({ stepId }) => plan.steps.filter(({ id }) => id === stepId)).filter((step) => outputs.has(step.id)', tests: ['test/unit/job-state.test.ts'],
  },
  {
    guarantee: 'G6', breaks: 'a job with a record begins anew in an emptied workspace', file: 'src/protocol/verify/verify-world.ts',
    find: 'if (job === undefined && isKnown) return', replace: "if (job === undefined && isKnown && jobId === '') return", tests: DRIFT,
  },
  {
    guarantee: 'G6', breaks: 'a damaged content is handed on', file: 'src/store/blobs/blobs.ts',
    find: "this.#check(digest, digester.digest('hex'), this.pathOf(digest));", replace: "digester.digest('hex');", tests: ['test/unit/blobs.test.ts'],
  },
  {
    guarantee: 'Encryption', breaks: 'messages of failures are sent in the clear', file: 'src/codec/failure-converter.ts',
    find: "return { ...failure, message: PLACEHOLDER, stackTrace: '',", replace: 'return { ...failure,', tests: ['test/integration/encryption.test.ts'], name: 'nothing that a job takes',
  },
  {
    guarantee: 'Encryption', breaks: 'what clients send is not encrypted', file: 'src/codec/data-converter.ts',
    find: 'return converterOf(keys, new EncryptionCodec(keys));', replace: 'return keys.ids.length < 0 ? converterOf(keys, new EncryptionCodec(keys)) : { payloadCodecs: [{ encode: async (payloads) => await Promise.resolve(payloads), decode: async (payloads) => await new EncryptionCodec(keys).decode(payloads) }] };',
    tests: ['test/integration/encryption.test.ts'], name: 'nothing that a job takes',
  },
  {
    guarantee: 'Encryption', breaks: 'the id of the key is not authenticated', file: 'src/codec/encryption-codec.ts',
    find: 'return bytes(`${FORMAT}\\0${id}`);', replace: 'return bytes(`${FORMAT}${id.slice(0, 0)}`);', tests: ['test/unit/encryption.test.ts'],
  },
  {
    guarantee: 'Encryption', breaks: 'a worker that lacks a key fails the job', file: 'src/codec/data-converter.ts',
    find: 'throw ApplicationFailure.retryable(', replace: 'throw ApplicationFailure.nonRetryable(', tests: ['test/integration/encryption.test.ts'], name: 'another has not',
  },
  {
    guarantee: 'Encryption', breaks: 'after a rotation what the old key wrote is not read', file: 'src/codec/keys.ts',
    find: 'return this.#keys.get(id);', replace: 'return this.first?.id === id ? this.first : undefined;', tests: ['test/unit/encryption.test.ts'],
  },
  {
    guarantee: 'Encryption', breaks: 'any web page is answered by the codec endpoint', file: 'src/codec/codec-server.ts',
    find: 'if (!origins.has(origin)) throw', replace: "if (origin === '' && !origins.has(origin)) throw", tests: ['test/unit/codec-server.test.ts'],
  },
  {
    guarantee: 'Encryption', breaks: 'the codec endpoint asks for no token', file: 'src/codec/codec-server.ts',
    find: 'if (rules.tokenDigest !== undefined && !isToken(', replace: "if (rules.tokenDigest !== undefined && headers.authorization === '' && !isToken(", tests: ['test/unit/codec-server.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'that a call is about to be made is not written before it', file: 'src/protocol/attempt/calls/perform.ts',
    find: 'await claim.putPerform(before, about, mayAct);', replace: "if (about.name === '') await claim.putPerform(before, about, mayAct);", tests: ['test/integration/perform-kills.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'a call in doubt is made again without a word', file: 'src/protocol/attempt/calls/perform.ts',
    find: "switch (this.#options.inDoubt ?? 'ask') {", replace: "switch (this.#options.inDoubt === 'ask' ? 'repeat' : this.#options.inDoubt ?? 'repeat') {", tests: ['test/integration/perform-kills.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'a repeat has another key', file: 'src/protocol/attempt/calls/perform.ts',
    find: 'key: before?.key ?? performKeyOf({ token, name: this.#name, round })', replace: "key: performKeyOf({ token, name: `${this.#name}${before?.nonce ?? ''}`, round })", tests: ['test/integration/perform-kills.test.ts', 'test/integration/perform.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'a recorded answer is given for another request', file: 'src/protocol/attempt/calls/perform.ts',
    find: 'if (answers.request !== wanted.request) return false;', replace: "if (answers.request === '') return false;", tests: ['test/integration/perform.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'a call that was made and is not asked for any more is forgotten', file: 'src/protocol/step/run-work.ts',
    find: 'if (doubts.length > 0) throw new InDoubt(doubts);', replace: 'if (doubts.length < 0) throw new InDoubt(doubts);', tests: ['test/integration/perform.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'a call is made while a question about the world is open', file: 'src/protocol/step/run-step.ts',
    find: 'if (obstacle !== undefined) throw new Obstacle(obstacle);', replace: "if (obstacle !== undefined && obstacle.kind !== 'held') throw new Obstacle(obstacle);", tests: ['test/integration/perform.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'code that catches the error of a call that is not over goes on', file: 'src/protocol/step/run-step.ts',
    find: 'if (stage.mustEnd !== undefined) throw', replace: 'if (stage.mustEnd === null) throw', tests: ['test/integration/perform.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'a fallback is called while the first choice may have happened', file: 'src/protocol/attempt/calls/perform.ts',
    find: 'if (stage.mustEnd !== undefined) return', replace: 'if (stage.mustEnd === null) return', tests: ['test/integration/perform.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'a step fails its job without asking about its call in doubt', file: 'src/protocol/step/run-step.ts',
    find: 'if (doubts.length > 0) return this.#askInDoubt(', replace: "if (doubts.length > 0 && this.#request.onFailure !== 'fail') return this.#askInDoubt(", tests: ['test/integration/perform.test.ts'],
  },
  {
    guarantee: 'G5', breaks: 'a value that was computed from an answer stays when the call is made anew', file: 'src/protocol/attempt/stage.ts',
    find: 'filter(({ round }) => round > 0)', replace: 'filter(({ round }) => round < 0)', tests: ['test/integration/perform.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'a call counts as not made because one within it was not', file: 'src/protocol/attempt/calls/perform.ts',
    find: 'isNotPerformed(thrown) && saidOfOthers.has(thrown)', replace: "isNotPerformed(thrown) && thrown.name === '' && saidOfOthers.has(thrown)", tests: ['test/integration/http.test.ts'],
  },
  {
    guarantee: 'G3', breaks: 'a call in doubt holds back every step', file: 'src/model/question/question.ts',
    find: " && question.kind !== 'in-doubt'", replace: '', tests: ['test/integration/perform.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'a request that may have been received is taken for not sent', file: 'src/effects/http/exchange.ts',
    find: 'if (isNotSent(error)) throw', replace: 'if (!this.#silence.isBroken) throw', tests: ['test/integration/http.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'any 503 is taken for "not handled"', file: 'src/effects/http/exchange.ts',
    find: '(status === 503 && afterMs !== undefined)', replace: 'status === 503', tests: ['test/integration/http.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'the key is lost on the way to where a redirect leads', file: 'src/effects/http/exchange.ts',
    find: "'user-agent', IDEMPOTENCY_KEY_HEADER]", replace: "'user-agent']", tests: ['test/integration/http.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'a redirect leads to a host that is not listed', file: 'src/effects/http/exchange.ts',
    find: 'next = allowedUrl(this.#request.hosts, location, this.#url);', replace: 'next = new URL(location, this.#url);', tests: ['test/integration/http.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'another origin gets secrets by a redirect', file: 'src/effects/http/exchange.ts',
    find: 'if (next.origin !== this.#url.origin)', replace: "if (next.origin === '')", tests: ['test/integration/http.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'what follows a redirect to a result is taken for not performed', file: 'src/effects/http/exchange.ts',
    find: 'return status >= 301 && status <= 303;', replace: 'return status === 0;', tests: ['test/integration/http.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'Temporal does not hear when an endpoint wants to be asked again', file: 'src/activities/activity-caller.ts',
    find: '{ nextRetryDelay: error.retryAfterMs }', replace: '{}', tests: ['test/integration/http-job.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'an endpoint that says "at once" ends the job', file: 'src/effects/http/retry-after.ts',
    find: 'Math.max(milliseconds, MIN_RETRY_AFTER_MS)', replace: 'Math.max(milliseconds, 0)', tests: ['test/integration/http-job.test.ts'],
  },
  {
    guarantee: 'G2', breaks: 'an endpoint that does not tell its version is taken for one without', file: 'src/protocol/look/endpoint.ts',
    find: 'if (error instanceof HoldfastError) return', replace: "if (error instanceof HoldfastError && !error.retryable) return { outcome: 'seen', state: ABSENT };\n    if (error instanceof HoldfastError) return", tests: ['test/integration/http-watch.test.ts'],
  },
  {
    guarantee: 'G4', breaks: 'an undoing replaces what somebody has changed since', file: 'src/protocol/undo/effects.ts',
    find: 'if (sameState(found, after)) return true;', replace: "if (found.kind !== 'other') return true;", tests: UNDOING, name: 'what a person has changed',
  },
  {
    guarantee: 'G3', breaks: 'an answer about what an undoing found holds for whatever is found', file: 'src/protocol/undo/effects.ts',
    find: 'one.found !== null && sameState(one.found, found) && (one.answer', replace: 'one.found !== null && (one.answer', tests: UNDOING, name: 'holds for that alone',
  },
  {
    guarantee: 'G1', breaks: 'what a step did is undone in the order in which it was done', file: 'src/protocol/undo/effects.ts',
    find: 'of [...record.effects.entries()].reverse()) {', replace: 'of [...record.effects.entries()]) {', tests: UNDOING, name: 'compensation may say|folder that the job made|is told what',
  },
  {
    guarantee: 'G1', breaks: 'steps are undone in the order in which they were done', file: 'src/protocol/undo/plan.ts',
    find: '[...this.#entries.values()].reverse().flatMap(', replace: '[...this.#entries.values()].flatMap(', tests: UNDOING, name: 'SQLite: a saga',
  },
  {
    guarantee: 'G1', breaks: 'what a rerun has undone is undone again', file: 'src/protocol/undo/plan.ts',
    find: 'last.entry.open.delete(last.place);\n        last.entry.undone.add(last.place);', replace: '', tests: UNDOING, name: 'was run again',
  },
  {
    guarantee: 'G1', breaks: 'an undoing that is recorded is done again', file: 'src/protocol/undo/undo-step.ts',
    find: 'if (done !== undefined) return this.result(done.record, done.at);', replace: '', tests: ['test/integration/compensate-job.test.ts'], name: 'answer is lost',
  },
  {
    guarantee: 'G1', breaks: 'a step runs although the job is being undone', file: 'src/protocol/step/run-work.ts',
    find: "?.state !== 'undoing') return undefined;", replace: "?.state !== 'released') return undefined;", tests: UNDOING, name: 'from the abort on',
  },
  {
    guarantee: 'G1', breaks: 'a compensation is not told of a call in doubt, nor is anybody asked', file: 'src/protocol/undo/undo-step.ts',
    find: 'known.calls.filter(isInDoubt)', replace: 'known.calls.filter(() => false)', tests: UNDOING, name: 'is settled before',
  },
  {
    guarantee: 'G1', breaks: 'a step that is half applied when its job is aborted is left so', file: 'src/protocol/undo/begin-undo.ts',
    find: '(isUndoId(intent.stepId) ? [intent.stepId] : [])', replace: '[intent.stepId]', tests: UNDOING, name: 'half applied when',
  },
  {
    guarantee: 'G4', breaks: 'a path that becomes another kind of thing is not gone on with when nothing stands there', file: 'src/protocol/commit/apply.ts',
    find: "(found.kind === 'absent' && changesKind(effect))", replace: "(found.kind === 'other' && changesKind(effect))", tests: UNDOING, name: 'a link that the job',
  },
  {
    guarantee: 'G2', breaks: 'a Workflow that was reset to before its abort goes on', file: 'src/protocol/verify/ledger-findings.ts',
    find: 'if (undoing !== undefined) return', replace: "if (undoing?.record.by === '') return", tests: UNDOING, name: 'from the abort on',
  },
  {
    guarantee: 'G6', breaks: 'what an endpoint echoes of a secret is recorded', file: 'src/protocol/secrets/http-secrets.ts',
    find: 'redacted = redacted.replaceAll(form, () => referenceTo(variable));', replace: 'redacted = redacted.replaceAll(form, () => form);', tests: ['test/integration/http.test.ts', 'test/integration/http-watch.test.ts'],
  },
  {
    guarantee: 'G1', breaks: 'a change whose size and modification time were put back is not seen', file: 'src/effects/files/tree.ts',
    find: ' && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;', replace: ' && a.mtimeNs === b.mtimeNs;', tests: ['test/integration/command.test.ts'], name: 'modification time back',
  },
  {
    guarantee: 'G1', breaks: 'what a command removed stays', file: 'src/effects/files/tree.ts',
    find: '  return [...changed, ...[...before.keys()].filter((path) => !after.has(path))];', replace: '  return changed;', tests: ['test/integration/command.test.ts'], name: 'what a command changes is applied',
  },
  {
    guarantee: 'G1', breaks: 'a command outlives its worker', file: 'src/effects/processes/run.ts',
    find: `const WATCHER = 'read nothing; kill -KILL "-$1"';`, replace: `const WATCHER = 'read nothing';`, tests: ['test/integration/command-kills.test.ts'], name: 'half-way',
  },
  {
    guarantee: 'G1', breaks: 'what a dead worker’s command left running goes on', file: 'src/effects/processes/command-folder.ts',
    find: 'await killLeftovers({ marker: id, leader: undefined, folder: folder.path });', replace: '', tests: ['test/integration/command-kills.test.ts'], name: 'left running',
  },
  {
    guarantee: 'G1', breaks: 'processes that a command leaves behind are not looked for', file: 'src/effects/processes/run.ts',
    find: 'if (leftBehind.length > 0) await killLeftovers', replace: 'leftBehind.splice(0);\n    if (leftBehind.length > 0) await killLeftovers', tests: ['test/integration/command.test.ts'], name: 'leaves a process behind',
  },
  {
    guarantee: 'G1', breaks: 'a failing command is applied', file: 'src/protocol/attempt/commands/command.ts',
    find: 'if (failure !== undefined) throw failure;', replace: '', tests: ['test/integration/command.test.ts'], name: 'exit code',
  },
  {
    guarantee: 'G1', breaks: 'marks of a batch are set before its files are committed', file: 'src/protocol/commit/apply.ts',
    find: 'const batchSize = effects.length > MAX_FILES_ONE_BY_ONE ? FILES_A_BATCH : 1;', replace: 'const batchSize = effects.length > MAX_FILES_ONE_BY_ONE ? FILES_A_BATCH : 1;\n    if (batchSize > 1) this.#markAll(effects.slice(1).map(([index, { after }]) => [index, { outcome: \'applied\', after }]));',
    tests: ['test/fault/command-points.test.ts'], name: 'batches',
  },
  {
    guarantee: 'G4', breaks: 'a write of a command into the workspace itself is not noticed', file: 'src/protocol/attempt/commands/neighbours.ts',
    find: 'if (byOthers.length > 0) {', replace: 'if (byOthers.length > 1_000) {', tests: ['test/integration/command.test.ts'], name: 'into the workspace itself',
  },
  {
    guarantee: 'G4', breaks: 'another step’s change of what a command was given goes unnoticed', file: 'src/protocol/attempt/commands/neighbours.ts',
    find: 'bySteps.push(path);', replace: 'void path;', tests: ['test/integration/command.test.ts'], name: 'another step',
  },
  {
    guarantee: 'G4', breaks: 'a command’s link may lead out of the workspace', file: 'src/protocol/attempt/commands/tree.ts',
    find: "if (now?.kind === 'symlink') mustStayInside(path, now.target!);", replace: '', tests: ['test/integration/command.test.ts'], name: 'links out of the copy',
  },
  {
    guarantee: 'G5', breaks: 'a recorded result answers also when the command is given something else', file: 'src/protocol/attempt/commands/command.ts',
    find: 'if (known !== undefined && known.reads === reads) {', replace: 'if (known !== undefined) {', tests: ['test/integration/command.test.ts'], name: 'a retry gets the recorded result',
  },
  {
    guarantee: 'G2', breaks: 'what a command in place left is not the record’s', file: 'src/protocol/commit/step-record.ts',
    find: "for (const { resource, state } of intent.left ?? []) changes.push({ resource, role: 'written', state });", replace: '', tests: ['test/integration/command-in-place.test.ts'],
  },
  {
    guarantee: 'G2', breaks: 'a watched command that fails is taken for one that printed this', file: 'src/protocol/look/look.ts',
    find: 'if (end.exitCode !== 0) return', replace: 'if (end.exitCode === 77) return', tests: ['test/integration/command-in-place.test.ts'], name: 'watched command',
  },
  {
    guarantee: 'Secrets', breaks: 'an intent that holds a secret is sealed', file: 'src/protocol/commit/seal.ts',
    find: 'if (secrets.isEmpty) return;', replace: "if (stepId !== '') return;", tests: ['test/integration/secrets.test.ts'], name: 'nothing applied: output',
  },
  {
    guarantee: 'Secrets', breaks: 'a file that holds a secret is kept', file: 'src/protocol/attempt/context.ts',
    find: 'secrets.refuse(content, where);', replace: "if (where === '') secrets.refuse(content, where);", tests: ['test/integration/secrets.test.ts'], name: 'nothing applied: file',
  },
  {
    guarantee: 'Secrets', breaks: 'an error is asked about with the secret in it', file: 'src/protocol/question/questions.ts',
    find: 'secrets.redactJson(asking)', replace: 'secrets.isEmpty ? secrets.redactJson(asking) : asking', tests: ['test/integration/secrets.test.ts'], name: 'what a person writes',
  },
  {
    guarantee: 'Secrets', breaks: 'what a call sends is recorded with the secret in it', file: 'src/protocol/attempt/calls/perform.ts',
    find: 'this.#secrets.redactJson(this.#options.request ?? null)', replace: '(this.#options.request ?? null)', tests: ['test/integration/secrets.test.ts'],
  },
  {
    guarantee: 'Secrets', breaks: 'base64 is found only where the secret begins a group', file: 'src/protocol/secrets/forms.ts',
    find: 'return [0, 1, 2].flatMap(', replace: 'return [0].flatMap(', tests: ['test/unit/secrets.test.ts'],
  },
  {
    guarantee: 'Secrets', breaks: 'a secret is given to who does not declare it', file: 'src/protocol/secrets/secrets.ts',
    find: 'if (!declared.includes(name)) {', replace: "if (name === '' && !declared.includes(name)) {", tests: ['test/unit/secrets.test.ts'],
  },
  {
    guarantee: 'Secrets', breaks: 'data beside a secret is read for references', file: 'src/model/plan/expression.ts',
    find: "secrets.push({ at: [...at], parts });", replace: "secrets.push({ at: [...at], parts: parseTemplate(parts.map((piece) => (typeof piece === 'string' ? piece : `\\${{ secrets.${piece.secret} }}`)).join('')).map((piece) => (typeof piece === 'string' ? piece : { secret: 'name' in piece ? piece.name : '' })) });",
    tests: ['test/unit/secrets.test.ts'],
  },
];
