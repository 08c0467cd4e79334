/**
 * The AI SDK's plugin of Temporal's SDK: what `generateText` needs in a Workflow's sandbox. The one place that names
 * its package, which is to be renamed; it is loaded when it is asked for.
 */
import type { WorkerPlugin } from '@temporalio/worker';
import type { ProviderV4 } from '@ai-sdk/provider';
import { HoldfastError } from '../model/failure.ts';

/**
 * For `temporal.plugins` of `createWorker`, or the plugins of a Worker of your own.
 * @throws HoldfastError `bad-input` where the package is not installed
 */
export async function aiSdkPlugin(options: { readonly modelProvider: ProviderV4 }): Promise<WorkerPlugin> {
  try {
    const { AiSdkPlugin } = await import('@temporalio/ai-sdk');
    return new AiSdkPlugin(options);
  } catch (cause) {
    throw new HoldfastError(
      'bad-input',
      `The AI SDK's plugin cannot be loaded: ${(cause as Error).message}.`,
      { nextStep: 'Type: npm install ai @ai-sdk/mcp @ai-sdk/provider @temporalio/ai-sdk' },
      { cause },
    );
  }
}
