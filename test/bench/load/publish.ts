import { encodePayloads, encodePublishHeader, limits } from '../../../protocol/index.js';
import { Wire } from '../../support/wire.js';
import { failOn } from './fail-on.js';

/** What a publisher is to do. */
export interface PublishOrder {
  port: number;
  messages: number;
  payloadBytes: number;
  /** Messages of one publish. */
  batch: number;
  /** Publishes that may be unacknowledged; the protocol's limits when absent. */
  inFlight?: number;
}

/** What it took. */
export interface PublishReport {
  messages: number;
  elapsedMs: number;
  /** Milliseconds from publish to acknowledgement of each publish. */
  latenciesMs: number[];
}

/** Publish as fast as acknowledgements allow. */
export function publish(order: PublishOrder): Promise<PublishReport> {
  const { port, messages, payloadBytes, batch } = order;
  const payloads = encodePayloads(Array.from({ length: batch }, () => Buffer.alloc(payloadBytes, 'x')));
  const byBytes = Math.max(1, Math.floor(limits.publishWindowBytes / payloads.bytes.length) - 1);
  const inFlight = Math.min(order.inFlight ?? limits.publishesInFlightMax - 1, byBytes);
  const publishes = Math.ceil(messages / batch);
  return new Promise((resolve) => {
    const sentMs: number[] = [];
    const latenciesMs: number[] = [];
    let acknowledged = 0;
    let startedMs = 0;
    const connection = new Wire(
      port,
      { publisher: `bench-${process.pid}-${performance.now()}` },
      {
        message: (message) => {
          failOn(message);
          if (message.type === 'LOGGED_IN') startedMs = performance.now();
          if (message.type === 'ACKNOWLEDGED') {
            const now = performance.now();
            for (; acknowledged < message.number; acknowledged += 1) latenciesMs.push(now - sentMs[acknowledged]!);
          }
          send();
        },
      },
    );
    const send = () => {
      connection.socket.cork();
      while (sentMs.length < publishes && sentMs.length - acknowledged < inFlight) {
        sentMs.push(performance.now());
        connection.socket.write(encodePublishHeader(sentMs.length, '', payloads));
        connection.socket.write(payloads.bytes);
      }
      connection.socket.uncork();
      if (acknowledged < publishes) return;
      connection.close();
      resolve({ messages: publishes * batch, elapsedMs: performance.now() - startedMs, latenciesMs });
    };
  });
}
