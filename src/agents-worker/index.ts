/** What a worker needs for agents. Package entry `holdfast/agents/worker`. */
export { agentSteps, type AgentStepsOptions } from './agent-steps.ts';
export { aiSdkPlugin } from './ai-sdk.ts';
