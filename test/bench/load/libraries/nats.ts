import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { subject } from '../../dialects/nats-lines.js';
import type { LibraryReader } from './library.js';

/** Messages asked for at a time, instead of 100: more made no difference. */
const messagesAhead = 5_000;

/** An ordered consumer that calls back, which saves the promise of an iterator for each message. */
export const readOrdered: LibraryReader = async ({ port, messages }, take) => {
  const connection = await connect({ port });
  const consumer = await jetstream(connection).consumers.get(subject);
  let received = 0;
  await new Promise<void>((resolve, reject) => {
    const options = { max_messages: messagesAhead };
    const callback = ({ data }: { data: Uint8Array }) => {
      take(data);
      received += 1;
      if (received === messages) resolve();
    };
    consumer.consume({ ...options, callback }).catch(reject);
  });
  await connection.close();
};
