// Any command will do: it changes files as it likes, and knows nothing of Holdfast.
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';

const text = readFileSync(process.argv[2], 'utf8').trim();
mkdirSync('labels');
writeFileSync(
  'labels/1.svg',
  `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="60"><text x="10" y="35">${text}</text></svg>\n`,
);
symlinkSync('1.svg', 'labels/latest');
writeFileSync('labels/print.sh', '#!/bin/sh\nlp labels/latest\n');
chmodSync('labels/print.sh', 0o755);
console.log(`label for ${text}`);
