import { decodeServerMessage, FrameType, type ServerMessage } from '../protocol/index.js';
import type { Publisher } from './publisher.js';
import type { Requests } from './requests.js';
import type { Rerequests } from './rerequests.js';
import type { Subscriptions } from './subscriptions.js';

/** The parts of a client that the server's frames are for. */
export interface Recipients<T> {
  publisher: Publisher;
  requests: Requests;
  subscriptions: Subscriptions<T>;
  rerequests: Rerequests<T>;
}

/** Gives each frame of the server to the part of the client it is for. */
export class Router<T> {
  readonly #recipients: Recipients<T>;

  constructor(recipients: Recipients<T>) {
    this.#recipients = recipients;
  }

  /**
   * @param type type code of the frame
   * @throws ProtocolError when it is no message, or messages nobody asked for
   */
  frame(frame: Buffer, type: number): void {
    if (type === FrameType.MESSAGES) this.#recipients.subscriptions.block(frame);
    else if (type === FrameType.RETRANSMISSION) this.#recipients.rerequests.block(frame);
    else this.#message(decodeServerMessage(frame));
  }

  /** Answers to what nobody waits for any more are dropped. */
  #message(message: ServerMessage): void {
    const { publisher, requests, subscriptions, rerequests } = this.#recipients;
    switch (message.type) {
      case 'ACKNOWLEDGED':
        publisher.acknowledged(message);
        return;
      case 'REFUSED':
        publisher.refused(message);
        return;
      case 'SESSION_LIST':
      case 'ROLLED':
      case 'DISCARDED':
      case 'INSPECTION':
      case 'MEMBER_LIST':
      case 'SESSION_REPORT':
        requests.answer(message);
        return;
      case 'REJECTED':
        if (subscriptions.answer(message) || rerequests.answer(message)) return;
        requests.answer(message);
        return;
      case 'LOST':
        if (!rerequests.answer(message)) subscriptions.answer(message);
        return;
      case 'RETRANSMITTED':
        rerequests.answer(message);
        return;
      case 'SUBSCRIBED':
      case 'RESET':
      case 'LIVE':
      case 'SESSION_DISCARDED':
      case 'END_OF_SESSION':
      case 'UNSUBSCRIBED':
        subscriptions.answer(message);
        return;
      case 'MEMBER':
      case 'LOGGED_IN':
      case 'ERROR':
      case 'HEARTBEAT':
        return;
      default:
        message satisfies never;
    }
  }
}
