/** A fault at a system call. */

export interface Injection {
  readonly call: string;
  /** Counted from 1, within its thread. */
  readonly place: number;
  /** `EIO`. Absent: the process is killed as it returns. */
  readonly error?: string;
}
