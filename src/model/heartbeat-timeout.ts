/** After what silence an attempt at a step is taken for lost with its worker, and made again. */
import * as z from 'zod';

export const DEFAULT_HEARTBEAT_TIMEOUT_MS = 10_000;

/**
 * A worker is heard of every second by default, and a busy one is late now and then. A day is longer than anybody waits
 * for a dead host.
 */
export const HeartbeatTimeoutSchema = z.int().min(5_000).max(86_400_000);
