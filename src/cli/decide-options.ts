/** The options of `holdfast decide`, as the command line parses them. */
export interface DecideOptions {
  readonly item?: readonly string[];
  readonly result?: readonly string[];
  readonly compensate?: boolean;
  readonly question?: string;
  readonly by?: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly signal?: boolean;
}
