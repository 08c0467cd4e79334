/** The entry of a bundle with `agentJob` alone. In a bundle with Workflows of the user's, `beside-yours.ts` is. */
import './agent-job-mark.ts';

export { agentJob } from './agent-job.ts';
