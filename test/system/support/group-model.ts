/** What a group is to its participants, who are never away for too long: the lines each must have in its log. */
export class GroupModel {
  readonly #members = new Map<string, { isOnline: boolean; waiting: string[] }>();
  readonly #logs = new Map<string, string[]>();

  register(id: string): void {
    this.#members.set(id, { isOnline: true, waiting: [] });
  }

  deregister(id: string): void {
    this.#members.delete(id);
  }

  away(id: string): void {
    this.#members.get(id)!.isOnline = false;
  }

  back(id: string): void {
    const member = this.#members.get(id)!;
    member.isOnline = true;
    for (const text of member.waiting.splice(0)) this.#receive(id, text);
  }

  send(text: string): void {
    for (const [id, { isOnline, waiting }] of this.#members) {
      if (isOnline) this.#receive(id, text);
      else waiting.push(text);
    }
  }

  /** What the log of a participant holds. */
  log(id: string): string {
    return (this.#logs.get(id) ?? []).map((text) => `${text}\n`).join('');
  }

  #receive(id: string, text: string): void {
    this.#logs.set(id, [...(this.#logs.get(id) ?? []), text]);
  }
}
