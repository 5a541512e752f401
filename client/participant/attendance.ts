import type { GroupAction, GroupCommand } from '../../protocol/index.js';
import { Backoff } from '../backoff.js';
import { LatecomerError } from '../errors.js';
import type { ReconnectOptions } from '../options.js';
import { insist } from './insist.js';
import { ListeningPath } from './listening-path.js';
import type { Member } from './member-connection.js';
import { doneError, type MessagePath, type PathSurroundings } from './message-path.js';
import { OwnPath } from './own-path.js';
import type { GroupPosition } from './participant-types.js';

/** What an attendance tells its owner, beside what comes over its connection. */
export interface AttendanceEvents extends Omit<PathSurroundings['events'], 'closed' | 'unsubscribed'> {
  disconnected(error: LatecomerError, retryMs: number): void;
  connected(member: Member): void;
  /** It has ended without being asked to. */
  over(error: LatecomerError): void;
}

/** What an attendance is made of. */
export interface AttendanceParts extends Omit<PathSurroundings, 'events'> {
  /** What every command of it says. */
  identity: Omit<GroupCommand, 'action'>;
  /** Port to listen on; absent: messages come over the connection of the command. */
  listen: number | undefined;
  reconnect: Required<ReconnectOptions> | false;
  /** How far the participant is; `undefined` when only the server knows. */
  position(): GroupPosition | undefined;
  events: AttendanceEvents;
}

/** `joining` – it was asked for; `online`; `broken` – it is made again; `leaving` – its end was asked for; `over`. */
type State = 'joining' | 'online' | 'broken' | 'leaving' | 'over';

/** What a command that is repeated because its answer was lost is told when it was done at first. */
const doneCodes = { disconnect: 'ERR_NOT_CONNECTED', deregister: 'ERR_NOT_REGISTERED' } as const;

/** A participant's presence in its group, from one command to another: made again, with its position, whenever it breaks. */
export class Attendance {
  readonly #parts: AttendanceParts;
  readonly #path: MessagePath;
  readonly #backoff: Backoff;
  readonly #rejoining = new AbortController();
  #state: State = 'joining';
  #cancelRetry: () => void = () => {};

  constructor(parts: AttendanceParts) {
    this.#parts = parts;
    const { environment, server, reconnect, listen, events } = parts;
    this.#backoff = new Backoff(reconnect || { firstMs: 0, maxMs: 0 }, environment.random);
    const surroundings: PathSurroundings = {
      server,
      environment,
      events: {
        ...events,
        online: (member) => {
          if (this.#state === 'leaving' || this.#state === 'over') throw doneError();
          this.#state = 'online';
          events.online(member);
        },
        unsubscribed: () => this.#onUnsubscribed(),
        closed: (error) => this.#onClosed(error),
      },
    };
    const waitMs = server.connectMs;
    this.#path =
      listen === undefined ? new OwnPath(surroundings) : new ListeningPath({ ...surroundings, port: listen, waitMs });
  }

  get online(): boolean {
    return this.#state === 'online';
  }

  /** Begin it. @throws LatecomerError what the server rejected it with, or why it could not be asked; then it is over */
  async join(action: 'register' | 'reconnect', signal?: AbortSignal): Promise<Member> {
    const { environment } = this.#parts;
    try {
      return await insist(() => this.#path.join(this.#command(action), signal), environment, signal);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** End it with a command. It is over then, whether or not the server could be told. */
  async leave(action: 'disconnect' | 'deregister', signal?: AbortSignal): Promise<void> {
    const wasOnline = this.online;
    this.#state = 'leaving';
    this.#cancelRetry();
    this.#rejoining.abort(doneError());
    const attempt = async (isRepeat: boolean): Promise<void> => {
      try {
        await this.#path.leave(this.#command(action), signal);
      } catch (error) {
        const isDone = error instanceof LatecomerError && error.code === doneCodes[action];
        if (!isDone || (wasOnline && !isRepeat)) throw error;
      }
    };
    try {
      await insist(attempt, this.#parts.environment, signal);
    } finally {
      this.close();
    }
  }

  delivered(seq: number): void {
    this.#path.delivered(seq);
  }

  pause(): void {
    this.#path.pause();
  }

  resume(): void {
    this.#path.resume();
  }

  /** End it without a word: the server will notice. */
  close(): void {
    this.#state = 'over';
    this.#cancelRetry();
    this.#rejoining.abort(doneError());
    this.#path.close();
  }

  #command(action: GroupAction): GroupCommand {
    const { identity, position } = this.#parts;
    const at = action === 'reconnect' ? position() : undefined;
    return { action, ...identity, ...(at && { delivered: at.seq, epoch: at.epoch }) };
  }

  #onUnsubscribed(): void {
    if (this.#state !== 'online') return;
    const { group, participant } = this.#parts.identity;
    const message = `participant ${participant} was taken out of ${group} by a command from elsewhere`;
    this.#fail(new LatecomerError('ERR_NOT_CONNECTED', message));
  }

  #onClosed(error: LatecomerError): void {
    if (this.#state !== 'online') return;
    this.#state = 'broken';
    this.#retry(error);
  }

  #retry(error: LatecomerError): void {
    const { reconnect, environment, events } = this.#parts;
    const isFinal = error.remedy === 'never' || error.code === 'ERR_BEYOND_NEXT';
    if (isFinal || reconnect === false || this.#backoff.attempts >= reconnect.attemptsMax) {
      this.#fail(error);
      return;
    }
    const retryMs = this.#backoff.next();
    this.#cancelRetry = environment.schedule(retryMs, () => void this.#rejoin());
    events.disconnected(error, retryMs);
  }

  async #rejoin(): Promise<void> {
    try {
      const member = await this.#path.join(this.#command('reconnect'), this.#rejoining.signal);
      this.#backoff.reset();
      this.#parts.events.connected(member);
    } catch (error) {
      if (this.#state !== 'broken') return;
      if (!(error instanceof LatecomerError)) throw error;
      this.#retry(error);
    }
  }

  #fail(error: LatecomerError): void {
    this.close();
    this.#parts.events.over(error);
  }
}
