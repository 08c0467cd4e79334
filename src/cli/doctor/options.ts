/** The options of `holdfast doctor`. */
export interface DoctorOptions {
  readonly fix?: boolean;
  readonly workerHere?: boolean;
}
