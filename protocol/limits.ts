/**
 * The bounds of the wire. They are part of protocol version 1: both ends enforce them, so neither can be made to hold
 * more than they allow. Units are in the names.
 */
export const limits = {
  /** Largest frame body (the bytes after the length prefix) before a login is accepted. */
  frameBytesMaxBeforeLogin: 8 * 1024,
  /** Largest frame body after login. */
  frameBytesMax: 1024 * 1024,
  /** Largest single payload: a frame that carries it alone still fits `frameBytesMax` with room for its header. */
  payloadBytesMax: 1024 * 1024 - 256,
  /** A block is at most this large (its whole frame), unless it holds exactly one payload. */
  blockBytesMax: 256 * 1024,
  /** A block, and so one publish, holds at most this many messages. */
  blockMessagesMax: 8192,
  /** Bytes of publishes one publisher may have unacknowledged; at the limit its socket is not read. */
  publishWindowBytes: 1024 * 1024,
  /** Publishes one publisher may have unacknowledged, and how many of its acknowledgements are kept for repeats. */
  publishesInFlightMax: 4096,
  /** Nesting depth of a control message; its outermost array is the first level. */
  depthMax: 8,
  /** Values in one control message, each array, map, key and element counted. */
  controlValuesMax: 131_072,
  /** Length of a name (publisher, source, session, client), in UTF-8 bytes. */
  nameBytesMax: 64,
  /** Length of the reason given for a roll, in UTF-8 bytes. */
  reasonBytesMax: 512,
  /** Subscriptions on one connection. */
  subscriptionsPerConnectionMax: 64,
  /** Rerequests of one connection that are being answered at the same time. */
  rerequestsPerConnectionMax: 4,
  /** Sessions in one SESSION_LIST. */
  sessionListMax: 1000,
  /** Members in one MEMBER_LIST. */
  memberListMax: 1000,
  /** A side that has sent nothing for this long sends a HEARTBEAT. */
  heartbeatMs: 1_000,
  /** A side that has heard nothing for this long closes the connection. */
  silenceMs: 15_000,
  /** A connection that has not completed its login after this long is closed. */
  loginMs: 5_000,
} as const;

/** The protocol version this build speaks. LOGIN lists the versions a client speaks; the highest common one is used. */
export const protocolVersion = 1;
