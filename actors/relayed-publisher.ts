import { errorCodes } from '../protocol/index.js';
import type { OpenPublisher } from './origin.js';
import type { PublisherOwner } from './publisher.js';

/** A publisher of a source that is relayed: its numbers are given out elsewhere, so everything it publishes is refused. */
export function relayedPublisher(source: string, relay: string, owner: PublisherOwner): OpenPublisher {
  const code = 'ERR_RELAYED';
  const message = `source ${source} is numbered by its relay ${relay}: publish to the server that is relayed`;
  let refusedFrom = Number.POSITIVE_INFINITY;
  return {
    published: 0,
    publish: ({ number }) => {
      if (number > refusedFrom) return owner.dropped(number, number);
      refusedFrom = number;
      owner.answer({ type: 'REFUSED', number, code, message, remedy: errorCodes[code] });
    },
    close: () => {},
  };
}
