/** The worker: the tools' code, the model's provider with its key, the Workflow. Runs by itself, or inside run.ts. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { agentSteps, aiSdkPlugin } from 'holdfast/agents/worker';
import { createWorker, type HoldfastWorker } from 'holdfast/worker';
import { ModelServer } from './model-server.ts';
import { steps } from './steps.ts';

export const TASK_QUEUE = process.env['TASK_QUEUE'] ?? 'agent';

export async function makeWorker(workspaceRoot: string): Promise<HoldfastWorker> {
  const { OPENAI_BASE_URL: baseURL, OPENAI_API_KEY: apiKey } = process.env;
  if (baseURL === undefined || baseURL === '')
    throw new Error('Set OPENAI_BASE_URL, such as https://api.openai.com/v1.');
  const modelProvider = createOpenAICompatible({
    name: 'openai',
    baseURL,
    ...(apiKey === undefined ? {} : { apiKey }),
  });
  return await createWorker({
    taskQueue: TASK_QUEUE,
    steps: [...steps, ...agentSteps({ modelProvider })],
    workflowsPath: new URL('./workflow.ts', import.meta.url).href,
    workspaceRoot,
    temporal: { plugins: [await aiSdkPlugin({ modelProvider })] },
  });
}

if (import.meta.main) {
  const recorded = await ModelServer.openUnlessGiven();
  const worker = await makeWorker(import.meta.dirname);
  process.once('SIGINT', () => worker.shutdown());
  console.log(`Polling Task Queue ${TASK_QUEUE}. Ctrl-C ends it.`);
  await worker.run();
  recorded?.close();
}
