/**
 * Loaded before a program (`--import`): says as its last line on standard error what it had used when it first wrote to
 * standard output, and the most memory that it had.
 */
let firstMs: number | undefined;
const write = process.stdout.write.bind(process.stdout) as (...args: unknown[]) => boolean;
process.stdout.write = ((...args: unknown[]) => {
  firstMs ??= cpuMs();
  return write(...args);
}) as typeof process.stdout.write;

process.on('exit', () => {
  const mostBytes = process.resourceUsage().maxRSS * 1024;
  process.stderr.write(`\n${JSON.stringify({ firstMs, allMs: cpuMs(), mostBytes })}`);
});

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export interface FirstWrite {
  /** Processor's time. */
  readonly firstMs: number;
  readonly allMs: number;
  readonly mostBytes: number;
}
