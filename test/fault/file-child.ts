/** A process that makes one change to a file, and ends itself or tries again, as it is told. */
import {
  commitFile,
  openFileWorkspace,
  prepareFile,
  type CommitOutcome,
  type FileChange,
} from '../../src/effects/files/index.ts';
import { HoldfastError } from '../../src/model/failure.ts';
import { BlobStore } from '../../src/store/blobs/blobs.ts';

interface Order {
  readonly root: string;
  readonly change: FileChange;
  readonly content: string;
  readonly token: string;
  /** End by SIGKILL at this moment of the commit. */
  readonly dieAt?: string;
}

const order = JSON.parse(process.argv[2]!) as Order;
const workspace = openFileWorkspace(order.root);

async function attempt(): Promise<CommitOutcome> {
  const blobs = new BlobStore(`${order.root}/.holdfast/blobs`);
  await blobs.put(order.content);
  const prepared = await prepareFile(workspace, order.change, blobs, { token: order.token, index: 0 });
  return commitFile(workspace, prepared, blobs, {
    onMoment: (moment) => {
      if (moment === order.dieAt) process.kill(process.pid, 'SIGKILL');
    },
  });
}

const failures: string[] = [];
for (;;) {
  try {
    const outcome = await attempt();
    process.stdout.write(JSON.stringify({ failures, outcome }));
    break;
  } catch (error) {
    if (!(error instanceof HoldfastError) || failures.length >= 3) throw error;
    failures.push(error.type);
  }
}
