/**
 * Guarded jobs on a Worker that exists. Package entry `holdfast/plugin`.
 *
 * ```ts
 * const holdfast = new HoldfastPlugin({ steps });
 * const worker = await Worker.create({ taskQueue, workflowsPath, activities, plugins: [holdfast] });
 * const client = new Client({ connection, plugins: [holdfast] });
 * ```
 */
import { HoldfastError } from './model/failure.ts';
import { refuseUnknownOptions, type OptionNames } from './model/options.ts';
import { GuardingPlugin } from './worker/guarding-plugin.ts';
import { readPartsChoice, type PartsOptions } from './worker/parts-options.ts';

export { implementStep } from './model/step/step.ts';

/** What `HoldfastPlugin` is made with. */
export interface HoldfastPluginOptions extends PartsOptions {
  /**
   * Does the Worker run `agentJob`, which runs plans, besides your own Workflows? Default true. False: it runs only
   * yours; without any, Activities alone.
   */
  readonly agentJob?: boolean;
}

const OPTIONS: OptionNames<HoldfastPluginOptions> = {
  steps: true,
  workspaceRoot: true,
  encryptionKeyFile: true,
  env: true,
  outagePatienceMs: true,
  heartbeatIntervalMs: true,
  agentJob: true,
};

/**
 * For `plugins` of a Worker, of a replaying Worker, of `bundleWorkflowCode`, and of a Client, beside other plugins.
 *
 * A Worker gets Holdfast's Activities, `agentJob` in its bundle, the codec, and a shutdown grace time of 10 s where it
 * has none; while it runs, the search attributes are registered and the steps of dead workers of this host taken over.
 * A Client gets the codec. Several Workers of one process may have it, each by an object of its own or by the same.
 * @throws HoldfastError `bad-input` for two steps of one name and keys that can't be used; when the Worker or Client is
 * made also for a plugin given twice, an Activity with the name of one of Holdfast's, and, with encryption on, a bundle
 * or a failure converter that would send messages in the clear
 */
export class HoldfastPlugin extends GuardingPlugin {
  /** Reads the keys; connects nothing. @throws HoldfastError `bad-input`: options, steps or keys that can't be used */
  constructor(options: HoldfastPluginOptions = {}) {
    refuseUnknownOptions('HoldfastPlugin', options, OPTIONS);
    const { agentJob = true } = options;
    if (typeof agentJob !== 'boolean')
      throw new HoldfastError(
        'bad-input',
        `HoldfastPlugin: agentJob is ${JSON.stringify(agentJob)}. Expected true or false.`,
      );
    super({ ...readPartsChoice('HoldfastPlugin', options), hasAgentJob: agentJob });
  }
}
