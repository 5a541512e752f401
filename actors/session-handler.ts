import {
  type ClientMessage,
  limits,
  ProtocolError,
  protocolVersion,
  type ServerMessage,
  type SessionSummary,
  type SubscribeBody,
} from '../protocol/index.js';
import type { Origin } from './origin.js';
import { Actor, type Behaviour } from './runtime/index.js';
import { decideRequest, type SessionDecision } from './session-request.js';

/** A LOGIN as it came over the wire. */
export type Login = Extract<ClientMessage, { type: 'LOGIN' }>;
/** What a login is answered with. */
export type LoggedIn = Extract<ServerMessage, { type: 'LOGGED_IN' }>;

/** What a SessionHandler understands. */
export type SessionHandlerProtocol = {
  /** Decide a login; the publisher's last number is left for the connection to fill in. */
  login: [{ login: Login }, LoggedIn];
  /** Decide whether a request for a session is a subscription, a pull of an ended one, a reset, or rejected. */
  request: [
    {
      request: SubscribeBody;
      source: string;
      /** Its client was reading that session, or the one before it, although the request has no epoch that says so. */
      resumes?: boolean;
    },
    { session: SessionSummary; decision: SessionDecision },
  ];
};

/** What a SessionHandler is made of. */
export interface SessionHandlerParameters {
  origin: Origin;
  /** Name and version of the server, for LOGGED_IN. */
  server: string;
}

/** Decides what becomes of logins and of requests for sessions; one serves all connections of a process. */
export default class SessionHandlerActor
  extends Actor<SessionHandlerParameters, SessionHandlerProtocol>
  implements Behaviour<SessionHandlerProtocol>
{
  login({ login }: { login: Login }): LoggedIn {
    if (!login.versions.includes(protocolVersion)) {
      const spoken = login.versions.join(', ') || 'none';
      throw new ProtocolError(
        'ERR_VERSION',
        `client speaks protocol versions ${spoken}; this server speaks ${protocolVersion}`,
      );
    }
    const { origin, server } = this.parameters;
    const source = login.source ?? origin.sources[0]!;
    if (!origin.sources.includes(source)) {
      throw new ProtocolError(
        'ERR_UNKNOWN_SOURCE',
        `no source ${source}; this server has ${origin.sources.join(', ')}`,
      );
    }
    return {
      type: 'LOGGED_IN',
      version: protocolVersion,
      server,
      source,
      durability: origin.durability,
      published: 0,
      heartbeatMs: limits.heartbeatMs,
      silenceMs: limits.silenceMs,
      frameBytesMax: limits.frameBytesMax,
      publishWindowBytes: limits.publishWindowBytes,
      publishesInFlightMax: limits.publishesInFlightMax,
    };
  }

  async request({ request, source, resumes = false }: SessionHandlerProtocol['request'][0]): Promise<{
    session: SessionSummary;
    decision: SessionDecision;
  }> {
    const { origin } = this.parameters;
    const session = await origin.findSession(request.source ?? source, request.session ?? '');
    return { session, decision: decideRequest(request, session, resumes ? 'pull' : origin.closedSessions) };
  }
}
