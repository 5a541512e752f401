import { describe, expect, it } from 'vitest';
import { Participant } from './participant.js';
import { serverWithGroup } from './server.js';

describe('a participant', () => {
  it('gets what is sent while it is there, its own messages too, and behind a disconnect what it has missed', async () => {
    const { port } = await serverWithGroup();
    const [ada, ben] = [new Participant(port, 'ada'), new Participant(port, 'ben')];
    expect(await ada.does('register')).toMatchObject({ state: 'online', from: 1, lastSeq: 0, tdMs: 3_600_000 });
    expect(await ada.msend('one')).toMatchObject({ type: 'ACKNOWLEDGED' });
    await ben.does('register');
    await ada.msend('two', 'three');
    await ada.received.has(3);
    await ben.received.has(2);
    ben.delivered();
    expect(await ben.does('disconnect')).toMatchObject({ state: 'away', from: 4 });
    await ada.msend('four');
    await ada.received.has(4);
    expect(await ben.does('reconnect')).toMatchObject({ state: 'online', from: 4, lastSeq: 4 });
    await ada.msend('five');
    expect(await ben.received.has(4)).toEqual(['two', 'three', 'four', 'five']);
    expect(await ada.received.has(5)).toEqual(['one', 'two', 'three', 'four', 'five']);
  });
});
