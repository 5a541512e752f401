import { execFileSync } from 'node:child_process';
import type { Contender } from '../contenders/contender.js';
import { latecomerDisk, startLatecomer } from '../contenders/latecomer.js';
import { natsCore } from '../contenders/nats.js';
import { quietSource } from '../dialects/latecomer.js';
import { followers, pacedPublisher } from '../load/run-worker.js';
import { rssAnonBytes } from './memory.js';
import { expectCount, type Row, rowOf, type Scenario, type Sized } from './scenario.js';

const payloadBytes = 100;
const messagesPerSecond = 1_000;
const warmUpMessages: Sized = { quick: 50, full: 1_000 };
const witnessed: Sized = { quick: 100, full: 3_000 };
const wanted: Sized = { quick: 200, full: 10_000 };
/** Files a process needs besides its subscribers' connections: tables of the log, its own output. */
const otherFiles = 1_200;

const latecomerOfTwo: Contender = {
  ...latecomerDisk,
  start: () =>
    startLatecomer({
      args: ['--source', 'main', '--source', quietSource, '--connections-max', `${wanted.full + 1_000}`],
    }),
};

/**
 * Subscribers of a stream on which nothing happens: what they take of the server's memory, and what another stream
 * notices when all of them are gone at once, because the process that held them was killed.
 */
export const idleSubscribers: Scenario = {
  name: 'idle',
  title: `Idle subscribers, all disconnected at once beside a stream of ${messagesPerSecond} messages/s`,
  figures: [
    { name: 'subscribers', unit: '' },
    { name: 'resident each', unit: 'B' },
    { name: 'longest gap before', unit: 'ms' },
    { name: 'longest gap', unit: 'ms' },
  ],
  rows: [latecomerOfTwo, natsCore].map(idle),
  targets: [
    { figure: 'resident each', row: latecomerDisk.name, atMost: 10 * 1024 },
    { figure: 'longest gap', row: latecomerDisk.name, atMost: 50 },
  ],
};

function idle(contender: Contender): Row {
  return rowOf(contender, async ({ port, pid }, size) => {
    const { dialect } = contender;
    const subscribers = Math.min(wanted[size], openFilesMax() - otherFiles);
    const pace = { messages: witnessed[size], warmUpMessages: warmUpMessages[size], messagesPerSecond, payloadBytes };
    const witness = { dialect, port, followers: 1, ...pace };
    const emptyBytes = rssAnonBytes(pid);
    const crowd = followers({ dialect, port, followers: subscribers, messages: 1, payloadBytes, elsewhere: true });
    await crowd.ready;
    // Whoever hears anything is not idle, and fails.
    const before = await Promise.race([pacedPublisher(witness).report, crowd.report.then(() => failed())]);
    const fullBytes = rssAnonBytes(pid);
    const during = pacedPublisher(witness);
    await during.ready;
    crowd.kill();
    const { latenciesMs, longestGapMs } = await during.report;
    expectCount(latenciesMs.length, witness.messages);
    return {
      numbers: {
        subscribers,
        'resident each': (fullBytes - emptyBytes) / subscribers,
        'longest gap before': before.longestGapMs,
        'longest gap': longestGapMs,
      },
    };
  });
}

function failed(): never {
  throw new Error('the idle subscribers have heard something');
}

/** Every process started from here may have so many open, once it asks for all it may have; servers do. */
function openFilesMax(): number {
  return Number(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' })) || Number.POSITIVE_INFINITY;
}
