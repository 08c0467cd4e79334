/** The options of `holdfast doctor`. */
export interface DoctorOptions {
  readonly fix?: boolean;
  readonly deep?: boolean;
  readonly store?: string;
  readonly workerHere?: boolean;
}
