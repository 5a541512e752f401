export type {
  Durability,
  LossReason,
  MemberSummary,
  Remedy,
  Rolled,
  SessionReport,
  SessionSummary,
} from '../protocol/index.js';
export { Client } from './client.js';
export type {
  CatalogueOptions,
  ClientEvents,
  DiscardOptions,
  PublishOptions,
  RequestOptions,
  RollOptions,
  ServerFacts,
  SessionOptions,
} from './client-types.js';
export { connect } from './connect.js';
export type { Environment } from './environment.js';
export { type ClientErrorCode, LatecomerError, type LatecomerErrorCode } from './errors.js';
export type { Message, MessageBlock } from './message-block.js';
export type { ConnectOptions, ReconnectOptions } from './options.js';
export { Participant } from './participant/participant.js';
export type {
  CommandOptions,
  GroupPosition,
  Membership,
  ParticipantEvents,
  ParticipantOptions,
  ReconnectGroupOptions,
  RegisterOptions,
} from './participant/participant-types.js';
export type { Acknowledgement } from './publication.js';
export type { Rerequest, RerequestEvents, RerequestOptions } from './rerequest.js';
export type { Position, SubscribeOptions, Subscription, SubscriptionEvents } from './subscription.js';
export { json, msgpack, raw, type Values } from './values.js';
