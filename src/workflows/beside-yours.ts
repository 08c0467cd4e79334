/**
 * The entry of a bundle with Workflows of the user's: theirs, and `agentJob`. The bundler puts their module in place of
 * the name below.
 */
// @ts-expect-error -- there is no such package; see worker/bundle.ts
export * from 'holdfast-beside-workflows';
export { agentJob } from './agent-job.ts';
