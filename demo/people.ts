/** What people do while nobody works. They know nothing of the job: an editor, a clean-up, plain SQL. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Stage } from './stage.ts';
import type { Story } from './story.ts';

export const RENAME_COLUMN = 'ALTER TABLE weather RENAME COLUMN wind TO wind_speed';
export const ADAS_SENTENCE = 'Checked against the station log: the gauge was right. (Ada)';

/** What Ada's file holds afterwards. */
export async function peopleAtWork(story: Story, { workspace, office }: Stage): Promise<string> {
  const notes = path.join(workspace, 'rain.md');
  const edited = `${readFileSync(notes, 'utf8')}${ADAS_SENTENCE}\n`;
  writeFileSync(notes, edited);
  story.tell(`Ada adds a sentence to ${story.bold('rain.md')}: “${ADAS_SENTENCE}”`);
  rmSync(path.join(workspace, 'wind.md'));
  story.tell(`Somebody clears up: ${story.bold('rm wind.md')}`);
  await office.run(RENAME_COLUMN);
  story.tell(`The office renames a column: ${story.bold(RENAME_COLUMN)}`);
  return edited;
}
