/**
 * The command line against a real server, worker and workspace: each command, each exit code. The tests lie in files of
 * their own by subject, and share the one worker of test/support/cli-jobs.ts.
 */
import './cli.jobs.ts';
import './cli.late.ts';
import './cli.questions.ts';
import './cli.sub-plans.ts';
import './cli.workspaces.ts';
