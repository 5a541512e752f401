import { blockLastSeq } from '../../protocol/index.js';
import { blocksOf, type Page, stretchOf } from '../../storage/index.js';
import type { LinkMessage } from './link.js';

/**
 * A page as it travels over a link, block by block: each is a frame of its own.
 * @param from the number asked for; a stretch may start many blocks before it
 */
export function pageMessage({ stretches, ...fields }: Page, from: number): Pick<LinkMessage, 'fields' | 'blocks'> {
  const blocks = stretches.flatMap(blocksOf).filter((block) => blockLastSeq(block) >= from);
  return { fields, blocks };
}

/** The page such a message holds. */
export function pageOf({ fields, blocks }: Pick<LinkMessage, 'fields' | 'blocks'>): Page {
  return { ...(fields as Omit<Page, 'stretches'>), stretches: blocks.map(stretchOf) };
}
