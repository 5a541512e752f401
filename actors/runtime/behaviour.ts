/** What an actor understands: each topic with its payload and its reply (`void`: it may be told, not only asked). */
export type Topics = Record<string, [payload: object | undefined, reply: unknown]>;

/** The protocol of an actor that takes no messages. */
export type NoTopics = Record<never, never>;

/** The handlers of a protocol: the compiler makes an actor implement every topic of it. */
export type Behaviour<Protocol extends Topics> = {
  [Topic in keyof Protocol]: (payload: Protocol[Topic][0]) => Protocol[Topic][1] | Promise<Protocol[Topic][1]>;
};

/** The topics of a protocol that have no reply, so nobody needs to wait for one. */
export type Tellable<Protocol extends Topics> = {
  [Topic in keyof Protocol]: [Protocol[Topic][1]] extends [void] ? Topic : never;
}[keyof Protocol];
