/** Fields that built-in steps share. */
import * as z from 'zod';

export const PathSchema = z.string().min(1).describe('A path in the workspace.');
