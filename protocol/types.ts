/**
 * Frame types: the first element of every frame's array. One number space for both directions, so that a captured
 * frame can be read without knowing who sent it.
 */
export const FrameType = {
  LOGIN: 1,
  SUBSCRIBE: 2,
  UNSUBSCRIBE: 3,
  PUBLISH: 4,
  REREQUEST: 5,
  HEARTBEAT: 6,
  SESSIONS: 7,
  INSPECT: 8,
  ARCHIVE: 9,
  ROLL: 10,
  GROUP: 11,
  DELIVERED: 12,
  MEMBERS: 13,
  DISCARD: 14,
  LOGGED_IN: 32,
  SUBSCRIBED: 33,
  MESSAGES: 34,
  LIVE: 35,
  LOST: 36,
  RESET: 37,
  END_OF_SESSION: 38,
  UNSUBSCRIBED: 39,
  ACKNOWLEDGED: 40,
  REFUSED: 41,
  RETRANSMISSION: 42,
  RETRANSMITTED: 43,
  SESSION_LIST: 44,
  INSPECTION: 45,
  REJECTED: 46,
  ERROR: 47,
  SESSION_REPORT: 48,
  ROLLED: 49,
  MEMBER: 50,
  MEMBER_LIST: 51,
  DISCARDED: 52,
  SESSION_DISCARDED: 53,
} as const;

/** A value of {@link FrameType}. */
export type FrameTypeCode = (typeof FrameType)[keyof typeof FrameType];
