import { binHeaderBytes, type Durability } from '../protocol/index.js';
import { abortedError, type LatecomerError } from './errors.js';

/** What a server answers to a publish: its messages are numbers firstSeq … firstSeq + count - 1 of the session. */
export interface Acknowledgement {
  session: string;
  epoch: string;
  firstSeq: number;
  count: number;
  /** How safe they are: at least what the login asked for. */
  durability: Durability;
}

/** One call of `publish`, from the call to its acknowledgement. */
export class Publication {
  readonly session: string;
  readonly payloads: readonly Uint8Array[];
  /** Size of the encoded payloads. */
  readonly bytes: number;
  readonly promise: Promise<Acknowledgement>;
  #resolve!: (acknowledgement: Acknowledgement) => void;
  #reject!: (error: LatecomerError) => void;
  #settled = false;
  #release: (() => void) | undefined;

  constructor(session: string, payloads: readonly Uint8Array[]) {
    this.session = session;
    this.payloads = payloads;
    let bytes = 0;
    for (const payload of payloads) bytes += binHeaderBytes(payload.length) + payload.length;
    this.bytes = bytes;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A caller who does not look at the outcome must not end the process with an unhandled rejection.
    this.promise.catch(() => {});
  }

  /** Whether the outcome has been told. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Reject when the signal is aborted; what has been sent by then may still be written. */
  obey(signal: AbortSignal, onAbort: () => void): void {
    const listener = (): void => {
      this.reject(abortedError(signal, 'publish'));
      onAbort();
    };
    if (signal.aborted) {
      listener();
      return;
    }
    signal.addEventListener('abort', listener, { once: true });
    this.#release = () => signal.removeEventListener('abort', listener);
  }

  resolve(acknowledgement: Acknowledgement): void {
    this.#settle();
    this.#resolve(acknowledgement);
  }

  reject(error: LatecomerError): void {
    this.#settle();
    this.#reject(error);
  }

  #settle(): void {
    this.#settled = true;
    this.#release?.();
  }
}
