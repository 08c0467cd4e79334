/**
 * Every field that production may send is tried from where it is given: a plan, a Workflow, a client, the command line.
 * The fields come from the schemas themselves: a new one needs a test, and a row here that names it.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type * as z from 'zod';
import { connectHoldfast } from '../../src/client.ts';
import { AskStuckRequestSchema } from '../../src/model/job/ask-stuck.ts';
import { ReleaseRequestSchema } from '../../src/model/job/release.ts';
import { RepairRequestSchema } from '../../src/model/job/repair.ts';
import { RunStepRequestSchema } from '../../src/model/job/run-step.ts';
import { BeginUndoRequestSchema, UndoStepRequestSchema } from '../../src/model/job/undo.ts';
import { VerifyWorldRequestSchema } from '../../src/model/job/verify-world.ts';
import { PlanSchema } from '../../src/model/plan/plan.ts';
import { AbortSchema } from '../../src/model/question/decision.ts';
import { createWorker } from '../../src/worker.ts';
import { fieldsOf } from '../support/schema-fields.ts';
import { titlesIn } from '../support/titles.ts';

interface Place {
  readonly file: string;
  readonly title: string;
}
type Row = readonly [test: Place, fields: string];

function at(file: string, title: string): Place {
  return { file: `test/integration/${file}.test.ts`, title };
}

const ENDED: Place = {
  file: 'test/fault/rewind-ended.test.ts',
  title: 'a job that is completed goes back, under its id and with its record, and is completed again',
};
const MOVED: Place = {
  file: 'test/fault/resume-moves.test.ts',
  title: 'a job that had ended asks before it goes back, moves meanwhile, and goes back all the same',
};
const BASE: Place = {
  file: 'test/fault/fork-base.test.ts',
  title: 'an empty database is begun with the base of the plan; one that is there with tables is refused',
};
const RUN = at('agent-job', 'a plan runs to its end and gives back state and outputs');
const EACH = at(
  'for-each-job',
  'each item of a plan’s list runs within one Activity, or as one of its own, as the plan says',
);
const ANEW = at('rebuild-job', 'a job whose record is deleted while it waits goes on from what its history tells');
const EDIT = at('agent-job', 'an edit by a person is asked about, decided by a plain Signal, and the job ends');
const DECLARED = at(
  'plan-fields',
  'a plan is refused in which a step may write while another reads what it writes, as it declares',
);
const STATE = at('plan-fields', 'the state of a plan begins with what it says, and a wait ends at its moment');
const FIT = at('plan-fields', 'what a step leaves in the state must look as the plan says, else a person is asked');
const RETRY = at(
  'plan-fields',
  'a step of a plan is tried again as the plan says, and then fails its job where it says so',
);
const AT_ONCE = at(
  'plan-fields',
  'of two steps of a plan that run at once and write one file, undeclared, one is asked about',
);
const WATCH = at('plan-fields', 'a watch of a plan asks with its values: parameters of a query, headers of a request');
const FILES = at('plan-fields', 'a watch of a plan knows the job, and one file is one resource however it is spelled');
const INPUT = at(
  'plan-fields',
  'what the schema of a plan’s input says holds, keyword by keyword, before anything is started',
);
const TOLD = at('plan-fields', 'a person tells what each of several calls answered, and the step goes on with that');
const DOUBT = at('http-job', 'a request in doubt is asked about by a question that a plain Signal answers');
const HTTP = at('plan-steps', 'a request of a plan: headers from the environment, body, accepted status, file');
const APPROVED = at(
  'plan-steps',
  'a column that a plan leaves out of the record may change; a statement is undone by the plan’s own',
);
const STALE = at('plan-steps', 'what a command of a plan says that it reads makes its step stale');
const LIMITS = at(
  'step-limits',
  'a step that hangs ends by its own limit, which counts as an attempt; then a person is asked',
);
const SECRET = at(
  'secrets',
  'secret and password are nowhere: in history, ledger, blobs, files, output of worker and commands',
);
const RESUME = at(
  'resume',
  'after SIGKILL, reset and continue-as-new, a person’s change is asked about before a further step',
);
const EMPTIED = at(
  'resume',
  'a job whose workspace is emptied while its worker is dead says so, and goes on once it is back',
);
const AGAIN = at(
  'open-job',
  'a rerun of a finished step restarts the Workflow: void steps run again, others answer from records',
);
const OWN_STATE = at(
  'open-job-state',
  'a reducer of the Workflow’s own that was changed under a job is noticed when the job is replayed',
);
const CONTINUED = at('open-job', 'continue-as-new at a threshold keeps the job: its id, its record, its results');
const REJECTED = at('rejected', 'a rejected step fails with who and why, and is not asked again');
const CHECKPOINTS = at(
  'checkpoints',
  'the record has the state at the input and at each super-step’s end, what ran and what comes next',
);
const CHECKPOINT_ERROR = at('checkpoints', 'a step that failed is in the checkpoint of its super-step, with why');
const CHECKPOINT_WIDE = at(
  'checkpoints',
  'of a wide super-step a checkpoint names a hundred steps and counts the others',
);
const CHECKPOINT_OWN: Place = {
  file: 'test/fault/own-checkpoints.test.ts',
  title: 'job.checkpoint notes what ran and was written since the last one, and a new Run notes none twice',
};
const STORED = at(
  'checkpoint-store',
  'each checkpoint is in the folder that the plan names, with all that leads to it, contents too',
);
const RETAINED = at(
  'gc-job',
  'of the jobs of a plan the latest stays, the other is archived; each keeps its latest checkpoints',
);
const EFFORT = at('checkpoint-store', 'best-effort: the job goes on without');
const RESUMED = at(
  'resume-from',
  'one that can’t be read is asked about; the older one is gone on from, and who said so is told',
);
const RESET = {
  file: 'test/fault/reset-half-applied.test.ts',
  title: 'where the Workflow goes another way, the step is finished and put to a person; nobody waits for it',
};
const UNDONE = {
  file: 'test/fault/compensate-job.test.ts',
  title:
    'a job aborted by a plain Signal of the temporal command line is undone newest first, each step in the history',
};
const SUB_STEPS = at(
  'sub-steps-job',
  'a job that is undone undoes its sub-steps in few Activities, asking where somebody changed one',
);
const CHANGED = {
  file: 'test/fault/compensate-job.test.ts',
  title: 'what somebody has changed since is asked about, by its name; the answer by Update; what is left is told',
};
const WORKER = at(
  'options',
  'a worker runs as many steps at once as it is told, under its name, and one’s own Workflows',
);
const AGENT: Place = {
  file: 'test/fault/agents-told.test.ts',
  title: 'a model is told what failed, was rejected and changed; a Workflow that starts anew repeats nothing',
};
const OUTAGE = at('options', 'a worker that has no patience with an outage asks at once');
const HEARD = at('options', 'a step is heard of as often as the worker is told, and silence counts as the plan says');
const GIVEN = at('options', 'connections that a worker was given stay open when it has ended');
const WAITS = at(
  'options',
  'a client waits for a worker’s answer as long as it is told, and a watch tells its trouble',
);
const PROFILE = at('options', 'a client takes address and namespace from a profile, and names what it cannot use');
const CONNECTS = at(
  'options',
  'a client waits for a connection as long as it is told, and encrypts it where it has an API key',
);
const KEYS = at(
  'encryption',
  'nothing that a job takes, gives, says or fails with can be read without the codec endpoint',
);
const PASSED_ON = at(
  'passed-on',
  "a configuration's plugins are the Worker's; its metrics are served; its lines are JSON",
);
const INTERCEPTED = at('passed-on', "a client's interceptors see its calls");
const TRACED = at(
  'tracing',
  'operations, Traces: a job is one trace of job, steps and comparison, begun by the client',
);
const CONDITIONS = at('plan-flow-job', 'each operator of a condition decides what runs, and what is skipped says why');
const ROUNDS = at(
  'plan-flow-job',
  'rounds go on in new Runs, none is lost or repeated, and all are undone with the job',
);
const SUB_PLANS = at(
  'sub-plan-job',
  'a sub-plan runs as a job of its own in its folder, and what it returns is the output of its step',
);
const BOUND = at('plan-flow-job', 'at the bound of the rounds a person is asked, and `rerun` begins them anew');
const RESTS = at(
  'plan-flow-job',
  'a step that rests before it resumes is shown with its failure, and an abort ends the rest',
);
const OPERATORS = ['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'in', 'exists', 'and', 'or', 'not'];
/** These run the protocol itself: a server would have to be killed at the very moment. */
const NEW_RUN = at('abandoned', 'after continue-as-new, too: it is no reset');
const TWICE = at(
  'compensate-code',
  'a step that was run again is undone once, with all generations’ calls; nothing is undone twice',
);
const EARLIER = at('guarded-step', 'two steps of one super-step that write one file are an error, whoever is first');
const OTHER_PLAN = at('drift', '…: noticed before a further step, named, and nothing is changed');

const SETTINGS: readonly Row[] = [
  [RUN, 'settings settings.databases'],
  [BASE, 'settings.bases'],
  [HTTP, 'settings.http settings.http.hosts'],
  [OTHER_PLAN, 'settings.plan settings.plan.digest settings.plan.name'],
  [SECRET, 'settings.secrets'],
  [EDIT, 'settings.verifyAfterMs'],
  [EACH, 'settings.verify'],
  [STORED, 'settings.checkpoint settings.checkpoint.store'],
  [EFFORT, 'settings.checkpoint.mode'],
  [
    RETAINED,
    'settings.checkpoint.keep settings.retention settings.retention.days settings.retention.jobs ' +
      'settings.retention.archive',
  ],
  [FILES, 'settings.watch settings.watch.path settings.watch.kind'],
  [
    WATCH,
    'settings.watch.argv settings.watch.database settings.watch.header settings.watch.headers ' +
      'settings.watch.headers.env settings.watch.headers.prefix settings.watch.json settings.watch.name ' +
      'settings.watch.params settings.watch.sql settings.watch.table settings.watch.url',
  ],
  [RUN, 'jobId workspace'],
  [RESUME, 'reason detail steps holds'],
  [CONTINUED, 'base base.head base.seq'],
  [EMPTIED, 'known known.head known.seq'],
  [NEW_RUN, 'continuedFrom'],
];

const fieldsUnder = (at: string, names: string): string =>
  [at, ...names.split(' ').map((name) => `${at}.${name}`)].join(' ');

const NOTES: readonly Row[] = [
  [CHECKPOINTS, fieldsUnder('checkpoints', 'digest parent source step next tasks tasks.generation tasks.id')],
  [CHECKPOINTS, fieldsUnder('checkpoints.begins', 'initial reducer')],
  [STORED, 'checkpoints.job checkpoints.job.args checkpoints.job.type'],
  [CHECKPOINTS, fieldsUnder('checkpoints.writes', 'channel node reducer value')],
  [CHECKPOINT_OWN, 'checkpoints.writes.result'],
  [CHECKPOINT_ERROR, 'checkpoints.tasks.outcome checkpoints.tasks.error'],
  [CHECKPOINT_ERROR, 'checkpoints.tasks.error.type checkpoints.tasks.error.message'],
  [CHECKPOINT_WIDE, 'checkpoints.begins.by checkpoints.more checkpoints.more.next checkpoints.more.tasks'],
];

/** `input.type` and so on. */
const keywords = (at: string): string =>
  `${at} ` +
  fieldsOf(PlanSchema.shape.input)
    .map((name) => `${at}.${name}`)
    .join(' ');

const TRIED: Readonly<Record<string, readonly [z.ZodType, readonly Row[]]>> = {
  'a plan': [
    PlanSchema,
    [
      [RUN, 'name schemaVersion workspace databases databases.url state state.reducer'],
      [BASE, 'databases.base'],
      [RUN, 'steps steps.id steps.use steps.with steps.needs steps.state'],
      [DECLARED, 'steps.reads steps.writes'],
      [STATE, 'state.initial state.by'],
      [FIT, keywords('state.schema')],
      [INPUT, `$schema description ${keywords('input')}`],
      [SECRET, 'secrets'],
      [HTTP, 'http http.hosts'],
      [EDIT, 'verifyAfterMinutes'],
      [EACH, 'verify steps.forEach steps.forEach.atOnce steps.forEach.items steps.forEach.within'],
      [EACH, 'steps.forEach.outputs'],
      [CONDITIONS, `steps.when steps.onSkipped ${OPERATORS.map((operator) => `steps.when.${operator}`).join(' ')}`],
      [ROUNDS, 'steps.until steps.maxRounds steps.until.and steps.until.ge steps.until.eq'],
      [BOUND, 'steps.until.or steps.until.not steps.until.exists steps.until.le steps.until.in steps.until.lt'],
      [BOUND, 'steps.until.gt steps.until.ne'],
      [SUB_PLANS, 'steps.plan steps.workspace'],
      [RESTS, 'steps.resume steps.resume.atMost steps.resume.afterSeconds'],
      [HEARD, 'heartbeatTimeoutMs'],
      [STORED, 'checkpoint checkpoint.store'],
      [EFFORT, 'checkpoint.mode'],
      [RETAINED, 'checkpoint.keep retention retention.days retention.jobs retention.archive'],
      [APPROVED, 'steps.approval'],
      [LIMITS, 'steps.timeoutMs'],
      [RETRY, 'steps.onFailure steps.retry steps.retry.backoffCoefficient steps.retry.initialIntervalMs'],
      [RETRY, 'steps.retry.maxAttempts steps.retry.maxIntervalMs'],
      [FILES, 'watch watch.file'],
      [WATCH, 'watch.command watch.schema watch.query watch.query.database watch.query.name watch.query.params'],
      [WATCH, 'watch.query.sql watch.endpoint watch.endpoint.header watch.endpoint.headers watch.endpoint.json'],
      [WATCH, 'watch.endpoint.headers.env watch.endpoint.headers.prefix watch.endpoint.name watch.endpoint.url'],
    ],
  ],
  runStep: [
    RunStepRequestSchema,
    [
      [RUN, 'jobId workspace stepId step input'],
      [RESUME, 'term'],
      [EMPTIED, 'known known.head known.seq'],
      [AGAIN, 'generation uses'],
      [SECRET, 'secrets secrets.at secrets.parts secrets.parts.secret'],
      [AT_ONCE, 'parallelSince'],
      [EARLIER, 'parallelWith'],
      [APPROVED, 'approval'],
      [LIMITS, 'maxAttempts timeoutMs'],
      [RESTS, 'resumeAtMost'],
      [RETRY, 'onFailure'],
      [REJECTED, 'onReject'],
      [AGENT, 'inputMayDiffer'],
      [OWN_STATE, 'stateMark'],
      [STALE, 'mark'],
      ...NOTES,
    ],
  ],
  verifyWorld: [
    VerifyWorldRequestSchema,
    [
      ...SETTINGS,
      [RESET, 'asking'],
      [RESUMED, 'resume resume.at resume.head resume.by resume.reason'],
      [ENDED, 'resume.rewind resume.rewind.to resume.rewind.undo resume.rewind.items'],
      [MOVED, 'resume.begunBy'],
      [RESUMED, 'resume.older resume.older.head resume.older.by resume.older.reason'],
    ],
  ],
  beginUndo: [BeginUndoRequestSchema, [...SETTINGS, [UNDONE, 'by why']]],
  undoStep: [
    UndoStepRequestSchema,
    [
      [UNDONE, 'jobId workspace stepId step generation seq term known known.head known.seq compensates mark'],
      [TWICE, 'skip'],
      [SUB_STEPS, 'more more.stepId more.step more.generation more.seq more.skip more.compensates undoneBefore'],
    ],
  ],
  askStuck: [AskStuckRequestSchema, [[FIT, 'jobId workspace stepId type message rerun']]],
  release: [ReleaseRequestSchema, [[UNDONE, 'jobId workspace outcome'], ...NOTES]],
  repair: [
    RepairRequestSchema,
    [
      [EDIT, 'jobId workspace decision decision.digest decision.answer decision.by decision.reason'],
      [RESUME, 'decision.items'],
      [TOLD, 'decision.results'],
      [AGAIN, 'rerunsFrom'],
      // The question as the worker made it, and the settings as a comparison sends them.
      [ANEW, fieldsOf(RepairRequestSchema.pick({ rebuild: true })).join(' ')],
      [DOUBT, 'decision.result'],
      [CHANGED, 'decision.compensate'],
    ],
  ],
  abort: [AbortSchema, [[UNDONE, 'by reason compensate']]],
};

/** Of functions that refuse an unknown option the names are those that the refusal tells. */
const OPTIONS: Readonly<Record<string, readonly [(given: object) => Promise<unknown>, readonly Row[]]>> = {
  createWorker: [
    createWorker,
    [
      [WORKER, 'maxConcurrentSteps identity workflowsPath namespace taskQueue workspaceRoot steps'],
      [GIVEN, 'address connection clientConnection'],
      [OUTAGE, 'outagePatienceMs env'],
      [HEARD, 'heartbeatIntervalMs'],
      [RUN, 'workflowBundle'],
      [KEYS, 'encryptionKeyFile'],
      [PASSED_ON, 'temporal telemetry logFormat'],
    ],
  ],
  connectHoldfast: [
    connectHoldfast,
    [
      [WAITS, 'address namespace taskQueue queryTimeoutMs'],
      [PROFILE, 'profile env encryptionKeyFile'],
      [CONNECTS, 'apiKey connectTimeoutMs'],
      [TRACED, 'plugins'],
      [INTERCEPTED, 'interceptors'],
    ],
  ],
};

function mustBeTried(what: string, fields: readonly string[], rows: readonly Row[]): void {
  const named = rows.flatMap(([, names]) => names.split(' '));
  assert.deepEqual([...new Set(named)].sort(), [...fields].sort(), what);
  for (const [{ file, title }] of rows) {
    const titles = titlesIn(readFileSync(path.join(import.meta.dirname, '../..', file), 'utf8'));
    assert.ok(titles.includes(title), `${what} names a test that is not in ${file}: ${title}`);
  }
}

for (const [what, [schema, rows]] of Object.entries(TRIED))
  test(`every field of ${what} has a test that begins at a plan, a Workflow or a client`, () => {
    mustBeTried(what, fieldsOf(schema), rows);
  });

for (const [what, [call, rows]] of Object.entries(OPTIONS))
  test(`every option of ${what} has a test that sees its effect`, async () => {
    const refusal = await call({ '?': 1 }).then(
      () => '',
      (error: Error) => error.message,
    );
    mustBeTried(what, /Known are (.*)\.$/.exec(refusal)?.[1]?.split(', ') ?? [], rows);
  });
