import type { OpenSubscription, SubscriptionStart } from '../../actors/subscription.js';

/** A subscription that only counts what it is told, and is moved by hand. */
export class CountingSubscription implements OpenSubscription {
  over = false;
  drains = 0;
  stops = 0;

  constructor(readonly start: SubscriptionStart) {}

  get next(): number {
    return this.start.next;
  }

  drained(): void {
    this.drains += 1;
  }

  discarded(): void {}

  stop(): void {
    this.stops += 1;
  }

  inspect(): never {
    throw new Error('nobody asks');
  }
}
