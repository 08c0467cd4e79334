/**
 * Writes schema/plan.schema.json from the zod schema of a plan. Run it after changing that:
 *
 *   node scripts/generate-plan-schema.ts
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { planSchemaText } from '../src/model/plan/editor-schema.ts';

const folder = new URL('../schema/', import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL('plan.schema.json', folder), planSchemaText());
