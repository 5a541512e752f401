import type { Log } from '../../storage/index.js';
import type { MemberOwner, OpenMember, StreamFailure } from './member-stream.js';
import type { Membership } from './membership.js';

interface Stream {
  owner: MemberOwner;
  /** Nothing more is sent; what was sent may still be acknowledged. */
  over: boolean;
}

/** The streams of a group's participants: of each at most the one of its last connection. */
export class MemberStreams {
  readonly #membership: Membership;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #broken: () => void;
  readonly #streams = new Map<string, Stream>();

  /** @param broken called when somebody is away because its connection has gone */
  constructor(membership: Membership, log: Log, now: () => number, broken: () => void) {
    this.#membership = membership;
    this.#log = log;
    this.#now = now;
    this.#broken = broken;
  }

  /** The participant is reached over this connection from now on. */
  open(participant: string, owner: MemberOwner): OpenMember {
    const stream: Stream = { owner, over: false };
    this.#streams.set(participant, stream);
    const isLast = () => this.#streams.get(participant) === stream;
    return {
      delivered: (seq) => {
        if (isLast()) this.#membership.delivered(participant, Math.min(seq, this.#log.lastSeq));
      },
      close: (silentMs) => {
        if (!isLast()) return;
        this.#streams.delete(participant);
        if (stream.over) return;
        this.#membership.left(participant, this.#now() - silentMs);
        this.#broken();
      },
    };
  }

  /** The participant has left: its connection is told. */
  end(participant: string, why?: StreamFailure): void {
    const stream = this.#streams.get(participant);
    if (!stream || stream.over) return;
    stream.over = true;
    stream.owner.left(why);
  }

  /** The participant has connected again, which the connection there is has not noticed yet: that one is broken. */
  takeOver(participant: string): void {
    this.#membership.left(participant, this.#now());
    const message = `participant ${participant} has connected again`;
    this.end(participant, { code: 'ERR_ALREADY_CONNECTED', message });
  }

  /** The participant has not acknowledged for too long: it is away for as long, and its connection is told. */
  tooFarBehind(participant: string, lagMs: number): void {
    this.#membership.left(participant, this.#now() - lagMs);
    const message = `participant ${participant} has not acknowledged what was sent to it more than ${lagMs} ms ago`;
    this.end(participant, { code: 'ERR_TOO_FAR_BEHIND', message });
    this.#broken();
  }

  /** Whoever is there is away from now on; the connections are closed by others. */
  breakAll(): void {
    for (const [participant, stream] of this.#streams) {
      if (!stream.over) this.#membership.left(participant, this.#now());
      stream.over = true;
    }
  }
}
