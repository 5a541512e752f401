import path from 'node:path';
import { type FileFacts, filesOf, lookAt, type NamedFile } from './files.js';

/**
 * The files a name has had: the one that has it now, and those that were renamed when a new one took their place. Their
 * order is that of their birth; each was written to its end before the next was begun.
 */
export class RotatedFiles {
  readonly #path: string;

  constructor(file: string) {
    this.#path = file;
  }

  /** The file that has the name now. */
  current(): Promise<NamedFile | undefined> {
    return lookAt(this.#path);
  }

  /** The file of that identity, whatever it is called now. */
  async find(id: string): Promise<NamedFile | undefined> {
    const current = await this.current();
    if (current?.id === id) return current;
    const all = await filesOf(path.dirname(this.#path), () => true);
    return all.find((file) => file.id === id);
  }

  /**
   * The file that follows `file`; `undefined` when that one still has the name, or nothing was written to the next one:
   * until then there may be more to come in it.
   * @param finished identities of files that were read to their end
   */
  async after(file: Omit<FileFacts, 'size'>, finished: readonly string[]): Promise<NamedFile | undefined> {
    const current = await this.current();
    if (current?.id === file.id) return undefined;
    const rotated = await filesOf(path.dirname(this.#path), isRotatedNameOf(path.basename(this.#path)));
    const isNext = ({ id, size, bornNs, writtenNs }: NamedFile) =>
      id !== file.id &&
      id !== current?.id &&
      size > 0 &&
      !finished.includes(id) &&
      // Some file systems know of no birth.
      (bornNs > 0n ? bornNs >= file.bornNs : writtenNs >= file.writtenNs);
    const next = rotated.filter(isNext).sort(byAge)[0];
    return next ?? (current && current.size > 0 ? current : undefined);
  }
}

/** What rotation makes of `app.log`: `app.log.1`, `app.log-20300109`, `app-2030-01-09.log`; nothing that is compressed. */
function isRotatedNameOf(name: string): (other: string) => boolean {
  const { name: stem, ext } = path.parse(name);
  const mark = /^[-._]?\d[-\d_.T:]*$/;
  return (other) => {
    if (other.startsWith(name) && mark.test(other.slice(name.length))) return true;
    const inside = other.slice(stem.length, other.length - ext.length);
    return ext !== '' && other.startsWith(stem) && other.endsWith(ext) && mark.test(inside);
  };
}

function byAge(one: NamedFile, other: NamedFile): number {
  const difference = one.bornNs - other.bornNs || one.writtenNs - other.writtenNs;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}
