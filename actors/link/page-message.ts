import { blocksOf, type Page, stretchOf } from '../../storage/index.js';
import type { LinkMessage } from './link.js';

/** A page as it travels over a link: block by block, so that the other end need not trust more than each block says. */
export function pageMessage({ stretches, ...fields }: Page): Pick<LinkMessage, 'fields' | 'blocks'> {
  return { fields, blocks: stretches.flatMap(blocksOf) };
}

/** The page such a message holds. */
export function pageOf({ fields, blocks }: Pick<LinkMessage, 'fields' | 'blocks'>): Page {
  return { ...(fields as Omit<Page, 'stretches'>), stretches: blocks.map(stretchOf) };
}
