/** The Activity's type alone, so that the Workflows may import it. */
export interface Activities {
  act(job: string, index: number): Promise<{ readonly step: number }>;
}
