/** Every way Holdfast fails, as one closed list with what to do about each. */

interface FailureRule {
  /** May trying again, later and unchanged, succeed? Then it is retried with back-off; otherwise a person is asked. */
  readonly retryable: boolean;
  /** What the person should do. */
  readonly nextStep: string;
  /** Part of the ordinary course of things: no error line in a worker's log, and no failure in its metrics. */
  readonly isExpected?: true;
}

/** Every type of failure, with what to do about it. docs/troubleshooting.md has causes and remedies of each. */
export const FAILURES = {
  'not-json': {
    retryable: false,
    nextStep: 'Return plain JSON: convert dates to ISO strings and class instances to objects.',
  },
  'bad-input': { retryable: false, nextStep: 'Correct what the message names, then do the same again.' },
  'bad-plan': { retryable: false, nextStep: 'Correct the plan; `holdfast check PLAN` lists every problem.' },
  'bad-output': {
    retryable: false,
    nextStep: "Correct the step's code or its output schema, restart the worker, then decide `rerun`.",
  },
  'too-large': { retryable: false, nextStep: 'Write large results to a file or a table and return a reference to it.' },
  'unknown-step': {
    retryable: false,
    nextStep: 'Register the step in holdfast.config.ts (or pass --steps), restart the worker, then decide `rerun`.',
  },
  'missing-variable': { retryable: false, nextStep: 'Set the environment variable for the worker and restart it.' },
  'missing-key': {
    retryable: false,
    nextStep:
      'Give this process the key, by HOLDFAST_ENCRYPTION_KEYS, HOLDFAST_ENCRYPTION_KEY_FILE or ' +
      '--encryption-key-file, and start it again; jobs then go on by themselves.',
  },
  'wrong-key': {
    retryable: false,
    nextStep:
      'Give this process the key that had this id when the payload was written (HOLDFAST_ENCRYPTION_KEYS, ' +
      'HOLDFAST_ENCRYPTION_KEY_FILE, --encryption-key-file) and start it again; jobs then go on by ' +
      'themselves.',
  },
  'missing-secret': {
    retryable: false,
    nextStep: 'Set the environment variable for the worker and restart it, then decide `rerun`.',
  },
  'undeclared-secret': {
    retryable: false,
    nextStep: "Declare it: `secrets: [NAME]` in the plan, or in openJob's options.",
  },
  'secret-in-output': {
    retryable: false,
    nextStep:
      'Let the step keep the secret to itself: what it returns, writes and records must not hold it. Then ' +
      'restart the worker and decide `rerun`.',
  },
  'outside-workspace': {
    retryable: false,
    nextStep: 'Use a path inside the workspace; `..` and symbolic links out of it are refused.',
  },
  'reserved-path': {
    retryable: false,
    nextStep: 'Choose a path outside `.holdfast/` and not a declared database file.',
  },
  'permission-denied': { retryable: false, nextStep: 'Grant the worker access, then decide `rerun`.' },
  'workspace-unusable': {
    retryable: false,
    nextStep: 'Put the folder there (mount its disk, mend the link), or move what stands there away.',
  },
  'network-filesystem': { retryable: false, nextStep: 'Put the workspace on a local disk of the worker.' },
  'same-target-twice': {
    retryable: false,
    nextStep: 'Let the step write each file once, under one spelling of its name.',
  },
  'staged-table-query': {
    retryable: false,
    nextStep: 'Query before staging changes to the table, or split the step in two.',
  },
  'once-name-twice': {
    retryable: false,
    nextStep: 'Give each ctx.once, ctx.perform and ctx.step of a step a name of its own.',
  },
  'in-doubt': {
    retryable: false,
    nextStep: 'Find out whether the call happened and answer the question: `happened` with its answer, or `repeat`.',
  },
  'host-not-allowed': {
    retryable: false,
    nextStep: "Name the host under the plan's `http.hosts` (or `openJob`'s) if it may be called.",
  },
  'http-refused': {
    retryable: false,
    nextStep: 'Mend what the endpoint refuses (or list the status under `acceptStatus`), then decide `rerun`.',
  },
  'endpoint-busy': {
    retryable: true,
    isExpected: true,
    nextStep: 'Nothing: the request is sent again when the endpoint said, or with growing pauses.',
  },
  'endpoint-unreachable': { retryable: true, nextStep: 'Make the endpoint reachable; the job goes on by itself.' },
  'unknown-table': { retryable: false, nextStep: 'Create the table, or correct its name, then decide `rerun`.' },
  'no-key': { retryable: false, nextStep: 'Give the table a primary key, or use `sql` with `writes`.' },
  'sql-failed': { retryable: false, nextStep: 'Correct the statement or the data, then decide `rerun`.' },
  'undeclared-database': { retryable: false, nextStep: "Declare the database under the plan's `databases`." },
  'token-conflict': {
    retryable: false,
    nextStep: 'Decide `rerun`: what the step did is undone, and it runs again with what it is given now.',
  },
  'step-failed': { retryable: true, nextStep: "Read the step's own error; after mending, decide `rerun`." },
  'command-failed': { retryable: true, nextStep: "Read the command's last lines; after mending, decide `rerun`." },
  'processes-left': {
    retryable: false,
    nextStep: 'Let the command wait for what it starts, or start no daemon; then decide `rerun`.',
  },
  'changed-meanwhile': {
    retryable: false,
    nextStep:
      'Let the command write below its working folder only, or name what others may change in ' +
      '`othersChange`; then decide `rerun`.',
  },
  'step-timeout': { retryable: true, nextStep: "Raise the step's `timeoutMs`, or find out what it waits for." },
  'rounds-used-up': {
    retryable: false,
    nextStep:
      'Put right what keeps the rounds from succeeding, then decide `rerun`: they begin anew, as many as before.',
  },
  'sub-plan-failed': {
    retryable: false,
    nextStep:
      "Read what the sub-plan's job came to (`holdfast result JOB`). Put right what made it fail, then decide " +
      '`rerun`: its plan runs anew, as another job.',
  },
  busy: { retryable: true, isExpected: true, nextStep: 'Nothing: it is tried again by itself.' },
  'storage-unreachable': {
    retryable: true,
    nextStep: 'Make the database or disk reachable; the job goes on by itself.',
  },
  'server-unreachable': {
    retryable: true,
    nextStep: 'Start a Temporal server (`holdfast dev` has one), or correct TEMPORAL_ADDRESS.',
  },
  'no-worker': {
    retryable: true,
    nextStep: 'Start a worker: `holdfast worker`. The job waits for it and loses nothing.',
  },
  'storage-failed': { retryable: true, nextStep: 'Check the disk (space, errors); the job goes on by itself.' },
  'database-damaged': {
    retryable: false,
    nextStep:
      "Put a sound copy of the database in its place, or mend it (SQLite's `.recover`, PostgreSQL's backups), then " +
      'decide `rerun`.',
  },
  'ledger-damaged': {
    retryable: false,
    nextStep: 'Run `holdfast doctor`; restore the ledger from a backup if there is one.',
  },
  'checkpoint-damaged': {
    retryable: false,
    nextStep:
      'See how much of it is sound: `holdfast checkpoints --inspect FILE`. Put a sound copy in its place if there is ' +
      'one, or go on from another checkpoint: others are not touched by it.',
  },
  'checkpoint-taken': {
    retryable: false,
    nextStep: 'Let one job alone write there: end the other one, or give each a store or an id of its own.',
  },
  'unknown-format': {
    retryable: false,
    nextStep: 'Use the version of Holdfast that wrote it, or a newer one.',
  },
  'read-back-failed': {
    retryable: true,
    nextStep:
      'Find out why the store does not keep what it takes (a cache, a replica, a disk that lies), or choose another ' +
      'one; the job goes on by itself.',
  },
  'foreign-ledger': { retryable: false, nextStep: 'Use another workspace, or end the job that holds this one.' },
  fenced: { retryable: false, isExpected: true, nextStep: 'Nothing: a newer Run of this job has taken over.' },
  'not-current-run': {
    retryable: false,
    isExpected: true,
    nextStep: 'Nothing: a newer Run of this job has taken over.',
  },
  'stale-world': {
    retryable: false,
    isExpected: true,
    nextStep: 'Put right what the message names, then decide `rerun`.',
  },
  'decision-refused': {
    retryable: false,
    nextStep: 'Read the open question (`holdfast question JOB`) and answer what it offers.',
  },
  'not-found': { retryable: false, nextStep: 'Check the name, or bring back what is missing.' },
  aborted: { retryable: false, nextStep: 'Start a new job when the cause is mended.' },
  cancelled: { retryable: false, nextStep: 'Start a new job when it is wanted again.' },
  'already-started': {
    retryable: false,
    nextStep: 'Look at the running job (`holdfast status ID`), or start this one under another `--id`.',
  },
  'state-conflict': {
    retryable: false,
    nextStep:
      'Let one of the two wait for the other (`needs`), or give the state a reducer that takes what both write; ' +
      'then decide `rerun`.',
  },
  defect: { retryable: false, nextStep: 'This is a defect of Holdfast; please report it with the message above.' },
} as const satisfies Record<string, FailureRule>;

/** The name of a failure in the closed list. */
export type FailureType = keyof typeof FAILURES;

/** Is it one of the closed list? Pure. */
export function isFailureType(type: string | null | undefined): type is FailureType {
  return type != null && Object.hasOwn(FAILURES, type);
}

/** Is such a failure part of the ordinary course of things? */
export function isExpected(type: FailureType): boolean {
  return (FAILURES[type] as FailureRule).isExpected === true;
}
