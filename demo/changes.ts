/** What the job changed, as `holdfast diff --stat` shows it, and the difference of the file that people read. */
import { jobChanges } from '../src/changes.ts';
import { showChange, showChanges } from '../src/cli/show-changes.ts';
import type { Story } from './story.ts';

const MAX_LINES = 14;

export async function tellChanges(story: Story, workspace: string): Promise<void> {
  const changes = await jobChanges(workspace);
  const lines = showChanges(story.terminal, changes, changes.shown, true).split('\n');
  for (const line of lines.slice(0, MAX_LINES)) story.tell(line);
  if (lines.length > MAX_LINES) story.tell(story.dim(`… and ${lines.length - MAX_LINES} more lines`));
  const report = changes.shown.find(({ resource }) => resource === 'file:report.md');
  if (report !== undefined) for (const line of showChange(story.terminal, report, false)) story.tell(line);
}
