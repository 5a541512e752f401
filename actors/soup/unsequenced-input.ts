/** Who has sent an Unsequenced Data packet. */
export interface SoupSender {
  /** Blank when the login has none. */
  user: string;
  /** Address of the client, for the log. */
  remote: string;
}

/** Where the Unsequenced Data packets of Soup clients go, when an input source takes them. */
export interface UnsequencedInput {
  /**
   * Take one payload. The next packet of this client is read when the promise has resolved, which is what slows a client
   * down; a rejection is told to it in a Debug packet, and the connection goes on.
   */
  take(payload: Buffer, sender: SoupSender): Promise<void>;
}
