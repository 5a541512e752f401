import { Actor, type Behaviour } from './runtime/index.js';
import type { SessionEnd } from './subscription-machine.js';
import type { SubscriptionMembers } from './subscription-members.js';

/** What a SubscriptionList understands. */
export type SubscriptionListProtocol = {
  /** Everything up to `seq` is in the ring. One message per block, whatever the number of subscriptions. */
  committed: [{ seq: number }, void];
  /** The session has ended like this. */
  sessionEnded: [SessionEnd, void];
};

/** What a SubscriptionList is made of. */
export interface SubscriptionListParameters {
  /** The list as its members see it; the actor behind it is only known to the origin. */
  members: SubscriptionMembers;
}

/** The actor that hears from the session and passes it on to the {@link SubscriptionMembers} of its process. */
export default class SubscriptionListActor
  extends Actor<SubscriptionListParameters, SubscriptionListProtocol>
  implements Behaviour<SubscriptionListProtocol>
{
  committed({ seq }: { seq: number }): void {
    this.parameters.members.committed(seq);
  }

  sessionEnded(end: SessionEnd): void {
    this.parameters.members.sessionEnded(end);
  }
}
