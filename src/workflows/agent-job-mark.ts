import { noteLoaded } from '../model/bundle-parts.ts';

/** By it a bundle is known that runs plans: others may hold the code of `agentJob` without exporting it. */
export const AGENT_JOB_MARK = noteLoaded('agentJob', 'holdfast:agent-job-is-here');
