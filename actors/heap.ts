import { setFlagsFromString } from 'node:v8';

/** By how much the heap may grow between two full collections, in percent of what is alive. */
const growthPercent = 200;

/**
 * Let garbage wait. V8 counts buffers as part of the heap, and a server's heap is small: by its own measure V8 goes over
 * all of it, in several threads, whenever 20 MB have been received and written. That took a third of the processor from
 * a server that is published to as fast as it goes; with this it is a tenth, for some 20 MB of memory.
 */
export function letHeapGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${growthPercent}`);
}
