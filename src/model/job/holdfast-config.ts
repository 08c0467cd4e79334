/**
 * What `holdfast.config.ts` states. Types and one pure function, so that the file may import it wherever it is read.
 */
import type { StepImplementation } from '../step/step.ts';

export interface HoldfastConfig {
  /** The code of the user's own steps (`implementStep`). */
  readonly steps: readonly StepImplementation[];
  /**
   * Where relative workspaces start; a relative path starts at the configuration file. Default: the working
   * directory.
   */
  readonly workspaceRoot?: string;
  /** Default `holdfast`. */
  readonly taskQueue?: string;
  /**
   * A module of the user's own Workflows; a relative path starts at the configuration file. Default: `agentJob`
   * alone.
   */
  readonly workflowsPath?: string;
  /** Default: TEMPORAL_NAMESPACE, `default`. */
  readonly namespace?: string;
}

/** Types the default export of `holdfast.config.ts`. It is checked when it is loaded. */
export function defineConfig(config: HoldfastConfig): HoldfastConfig {
  return config;
}
