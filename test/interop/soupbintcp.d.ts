/** What the tests use of the package soupbintcp: a SoupBinTCP 3.00 client, written by others from the specification. */
declare module 'soupbintcp' {
  import { EventEmitter } from 'node:events';

  interface Login {
    username: string;
    password: string;
    requestedSession: string;
    requestedSequenceNumber: number;
  }

  class Client extends EventEmitter<{
    connect: [];
    accept: [{ session: string; sequenceNumber: number }];
    reject: [{ rejectReasonCode: string }];
    message: [Buffer];
    ending: [];
    end: [];
    error: [Error];
  }> {
    constructor(options: { host: string; port: number });
    login(login: Login): void;
    logout(): void;
    send(payload: Buffer): void;
    end(): void;
  }
}
