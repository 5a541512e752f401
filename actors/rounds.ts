/** Looks at the members of a set in turn, some at a time: at all of them at once would take long. */
export class Rounds<Member> {
  readonly #members: ReadonlySet<Member>;
  readonly #steps: number;
  /** Those that are still to be looked at in this round. */
  #round: Iterator<Member>;

  /** @param steps after which each member was looked at once */
  constructor(members: ReadonlySet<Member>, steps: number) {
    this.#members = members;
    this.#steps = steps;
    this.#round = members.values();
  }

  /** Look at the next ones. */
  step(look: (member: Member) => void): void {
    for (let count = Math.ceil(this.#members.size / this.#steps); count > 0; count -= 1) {
      const { value: member, done } = this.#round.next();
      if (done) this.#round = this.#members.values();
      else look(member);
    }
  }
}
