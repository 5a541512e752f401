/**
 * The numbers of the Soup family, each with the document it is from:
 * [bin] – NASDAQ "SoupBinTCP, Version 3.00"; [tcp] – NASDAQ "SoupTCP, Version 2.00"; [own] – this server's choice.
 */
export const soupLimits = {
  /** [bin] 1.1: the length in front of a packet has two bytes; it counts the type and the payload, not itself. */
  packetBytesMax: 65_535,
  /** [own] longest line taken from a client; [tcp] names none. */
  lineBytesMax: 65_535,
  /** [bin] 2.3.1, [tcp]: user name in a Login Request. */
  userBytes: 6,
  /** [bin] 2.3.1, [tcp]: password in a Login Request. */
  passwordBytes: 10,
  /** [bin] 2.2.1 and 2.3.1, [tcp]: a session. */
  sessionBytes: 10,
  /** [bin] 2.2.1 and 2.3.1: a sequence number, in ASCII digits. */
  binSequenceBytes: 20,
  /** [tcp]: a sequence number, in ASCII digits. */
  tcpSequenceBytes: 10,
  /** [bin] 1.3, [tcp]: who has sent nothing for this long sends a heartbeat. */
  heartbeatMs: 1_000,
  /** [bin] 1.3, [tcp]: "typically 15 seconds" without a word from the client, and the server closes. */
  silenceMs: 15_000,
  /** [bin] 2.3.1, [tcp]: "typically 30 seconds" without a Login Request, and the server closes. */
  loginMs: 30_000,
  /** [own] `LS010001` has no end: when nothing follows for this long, it was all there is. */
  shortLoginWaitMs: 200,
  /** [own] longest text of a Debug packet. */
  debugBytesMax: 512,
} as const;
