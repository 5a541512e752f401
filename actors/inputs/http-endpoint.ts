import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { limits } from '../../protocol/index.js';
import { settlesWithin } from '../runtime/index.js';
import type { BearerToken } from './bearer-token.js';
import { HttpFailure } from './http-failure.js';
import { readHttpMessages } from './http-messages.js';
import type { HttpInputConfig } from './input-config.js';
import type { Publication, Published } from './publication.js';

/** What becomes of what is posted. */
export interface PostOffice {
  /** Write it; resolves when it is durable. */
  take(posted: Publication): Promise<Published>;
  /** End a session, unless it has ended; resolves when that is durable. */
  endOfDay(session: string, reason: string): Promise<void>;
}

/** Something that was not written, and may be sent again, is worth another attempt after so many seconds. */
const retryAfterS = '1';
const keyCharactersMax = 256;

/** The HTTP side of an input: who may post, how much, for how long, and what is answered. */
export class HttpEndpoint {
  readonly #config: HttpInputConfig;
  readonly #token: BearerToken;
  readonly #office: PostOffice;
  readonly #server: Server;

  constructor(config: HttpInputConfig, token: BearerToken, office: PostOffice) {
    this.#config = config;
    this.#token = token;
    this.#office = office;
    const { requestMs, connectionsMax } = config;
    this.#server = createServer(
      { requestTimeout: requestMs, headersTimeout: requestMs, connectionsCheckingInterval: requestMs / 2 },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.maxConnections = connectionsMax;
  }

  /**
   * Accept requests from now on.
   * @returns the address
   * @throws the system's error when it cannot be had
   */
  async listen(): Promise<string> {
    this.#server.listen(this.#config.port, this.#config.host);
    await once(this.#server, 'listening');
    const { address, port, family } = this.#server.address() as AddressInfo;
    return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
  }

  /** Rejects when it cannot go on. */
  async failed(): Promise<never> {
    const [error] = await once(this.#server, 'error');
    throw error;
  }

  /** Accept nothing more; what is being answered has so long to be. */
  async close(answerMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    await settlesWithin(closed, answerMs);
    this.#server.closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Whoever posts may go away at any time; what it posted is written all the same.
    request.on('error', () => {});
    response.on('error', () => {});
    try {
      answer(response, 200, await this.#post(request));
    } catch (error) {
      this.#refuse(response, HttpFailure.of(error));
    }
  }

  #refuse(response: ServerResponse, { status, code, message, headers, written }: HttpFailure): void {
    const more = status === 503 || status === 504 ? { 'retry-after': retryAfterS } : {};
    // The rest of the request is not read.
    answer(response, status, { code, message, ...written }, { ...headers, ...more, connection: 'close' });
  }

  async #post(request: IncomingMessage): Promise<Published> {
    const { bodyBytesMax, requestMs } = this.#config;
    this.#admit(request);
    const key = keyOf(request);
    const endOfDay = endOfDayOf(request);
    const { messages, digest } = await readHttpMessages(request, bodyBytesMax);
    const once = key === undefined ? undefined : { key, digest };
    const late = `not on record within ${requestMs} ms: post it again with the same Idempotency-Key`;
    const published = await within(this.#office.take({ messages, once }), requestMs, late);
    if (endOfDay !== undefined) await this.#endOfDay(published, endOfDay, key !== undefined);
    return published;
  }

  /** What was posted is on record by now, whatever becomes of the end of day: whoever posts it must not think otherwise. */
  async #endOfDay(published: Published, reason: string, hasKey: boolean): Promise<void> {
    const { requestMs } = this.#config;
    const { session } = published.ranges[published.ranges.length - 1]!;
    try {
      await within(this.#office.endOfDay(session, reason), requestMs, `not on record within ${requestMs} ms`);
    } catch (error) {
      throw HttpFailure.behind(published, error, hasKey);
    }
  }

  /** Who is not known is told nothing else. */
  #admit(request: IncomingMessage): void {
    if (!this.#token.isIn(request.headers.authorization)) {
      const message = 'expected the header Authorization: Bearer TOKEN with the token of this input';
      throw new HttpFailure(401, 'ERR_NOT_AUTHORIZED', message, { 'www-authenticate': 'Bearer' });
    }
    const { path } = this.#config;
    const found = pathOf(request);
    if (found !== path) throw new HttpFailure(404, 'ERR_NO_SUCH_PATH', `expected the path ${path}, found ${found}`);
    if (request.method !== 'POST') {
      const message = `expected the method POST, found ${request.method}`;
      throw new HttpFailure(405, 'ERR_METHOD', message, { allow: 'POST' });
    }
  }
}

/** What makes a repeat of a request known as one. */
function keyOf({ headers }: IncomingMessage): string | undefined {
  const key = one(headers['idempotency-key']);
  if (key === undefined || (key !== '' && key.length <= keyCharactersMax)) return key;
  const message = `expected an Idempotency-Key of 1 to ${keyCharactersMax} characters, found ${key.length}`;
  throw new HttpFailure(400, 'ERR_IDEMPOTENCY_KEY', message);
}

/** Why the session is to end behind the messages; the reason of a roll like any other. */
function endOfDayOf({ headers }: IncomingMessage): string | undefined {
  const reason = one(headers['latecomer-end-of-day']);
  const { reasonBytesMax } = limits;
  if (reason === undefined || (reason !== '' && Buffer.byteLength(reason) <= reasonBytesMax)) return reason;
  const message = `expected in Latecomer-End-Of-Day a reason of 1 to ${reasonBytesMax} bytes, found ${Buffer.byteLength(reason)}`;
  throw new HttpFailure(400, 'ERR_END_OF_DAY', message);
}

/** What is no path at all is none of an input. */
function pathOf({ url = '/' }: IncomingMessage): string {
  return URL.canParse(url, 'http://input') ? new URL(url, 'http://input').pathname : url;
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function within<Result>(done: Promise<Result>, timeoutMs: number, late: string): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new HttpFailure(504, 'ERR_OUTCOME_UNKNOWN', late)), timeoutMs);
    done.finally(() => clearTimeout(timer)).then(resolve, reject);
  });
}

function answer(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    ...headers,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
