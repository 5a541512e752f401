/** Milliseconds of the machine's monotonic clock: the same in every process of the machine. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
