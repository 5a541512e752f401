import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';

/** What tells a file from every other one its directory has held, whatever it is called. */
export interface FileFacts {
  /** Inode and time of birth: an inode is used again when its file is gone. */
  id: string;
  size: number;
  bornNs: bigint;
  writtenNs: bigint;
}

/** A file of a directory. */
export interface NamedFile extends FileFacts {
  path: string;
}

/** Bytes at the start of a file by which it is known not to have been written anew. */
const headBytesMax = 1024;
const chunkBytes = 256 * 1024;

/** The file of that path; `undefined` when there is none. */
export async function lookAt(file: string): Promise<NamedFile | undefined> {
  try {
    const facts = await stat(file, { bigint: true });
    return facts.isFile() ? { path: file, ...factsOf(facts) } : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The files of a directory whose names fit. */
export async function filesOf(directory: string, fits: (name: string) => boolean): Promise<NamedFile[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && fits(entry.name)).map(({ name }) => name);
  const found: NamedFile[] = [];
  for (const name of names) {
    const file = await lookAt(path.join(directory, name));
    if (file) found.push(file);
  }
  return found;
}

/** A file that is read; it stays the same file when its name goes to another one. */
export class OpenFile {
  readonly path: string;
  readonly #handle: FileHandle;

  private constructor(file: string, handle: FileHandle) {
    this.path = file;
    this.#handle = handle;
  }

  /** @throws the system's error */
  static async open(file: string): Promise<OpenFile> {
    return new OpenFile(file, await open(file, 'r'));
  }

  async facts(): Promise<FileFacts> {
    return factsOf(await this.#handle.stat({ bigint: true }));
  }

  /** Some bytes from `offset` on; none at the end of the file. */
  async read(offset: number): Promise<Buffer> {
    const { size } = await this.#handle.stat();
    const wanted = Math.min(chunkBytes, size - offset);
    if (wanted <= 0) return Buffer.alloc(0);
    const { bytesRead, buffer } = await this.#handle.read(Buffer.allocUnsafe(wanted), 0, wanted, offset);
    return buffer.subarray(0, bytesRead);
  }

  /** A digest of the first bytes, of which `size` are known. */
  async head(size: number): Promise<string> {
    const wanted = Math.min(size, headBytesMax);
    const { bytesRead, buffer } = await this.#handle.read(Buffer.alloc(wanted), 0, wanted, 0);
    return createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('hex').slice(0, 32);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

function factsOf(facts: { ino: bigint; size: bigint; birthtimeNs: bigint; mtimeNs: bigint }): FileFacts {
  const { ino, size, birthtimeNs: bornNs, mtimeNs: writtenNs } = facts;
  return { id: `${ino}-${bornNs}`, size: Number(size), bornNs, writtenNs };
}
