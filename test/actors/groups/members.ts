import { eventually } from '../../support/deadline.js';
import type { GroupServer } from './server.js';

/** A participant as `inspect` shows it. */
export interface InspectedMember {
  participant: string;
  state: 'online' | 'away';
  cursor: number;
  lag: number;
  seenMs: number;
  address?: string;
}

/** The participants of the group, as `inspect` shows them. */
export async function membersOf(server: GroupServer): Promise<InspectedMember[]> {
  const { groups } = (await server.inspect()) as { groups: { members: InspectedMember[] }[] };
  return groups[0]!.members;
}

/** Wait until the server has noticed that somebody is away. */
export async function isAway(server: GroupServer, participant: string): Promise<void> {
  await eventually(
    async () => (await memberOf(server, participant)).state === 'away' || undefined,
    `${participant} away`,
  );
}

/** Wait until somebody has acknowledged everything up to a number. */
export async function hasAcknowledged(server: GroupServer, participant: string, seq: number): Promise<void> {
  const reached = async () => (await memberOf(server, participant)).cursor >= seq || undefined;
  await eventually(reached, `${participant} to acknowledge ${seq}`);
}

async function memberOf(server: GroupServer, participant: string): Promise<InspectedMember> {
  return (await membersOf(server)).find((member) => member.participant === participant)!;
}
