type Listener<Payload> = (payload: Payload) => void;

/**
 * Typed events. Unlike Node's EventEmitter nothing is special about an event called `error`: without a listener it is
 * dropped, never thrown. A listener that throws is a programmer error and reaches the process as an uncaught exception,
 * without disturbing whoever emitted.
 */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();

  /** Call `listener` at every `event` from now on. */
  on<Event extends keyof Events>(event: Event, listener: Listener<Events[Event]>): this {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    listeners.add(listener);
    return this;
  }

  /** Undo {@link Emitter.on}. */
  off<Event extends keyof Events>(event: Event, listener: Listener<Events[Event]>): this {
    this.#listeners.get(event)?.delete(listener);
    return this;
  }

  protected emit<Event extends keyof Events>(event: Event, payload: Events[Event]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])] as Listener<Events[Event]>[]) {
      try {
        listener(payload);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
