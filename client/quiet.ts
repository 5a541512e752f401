/** The same promise: a caller who does not look at its outcome does not end the process with an unhandled rejection. */
export function quiet<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {});
  return promise;
}
