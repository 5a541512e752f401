import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';

/** A file that is written in place. What was written is on disk when the promise resolves. */
export interface DurableFile {
  size(): Promise<number>;
  /** Up to this many bytes; fewer where the file ends. */
  read(at: number, bytes: number): Promise<Buffer>;
  write(at: number, bytes: Buffer): Promise<void>;
  truncate(bytes: number): Promise<void>;
  close(): Promise<void>;
}

/** Open a file, which is created when it is absent, in a directory that exists. */
export async function openDurableFile(name: string): Promise<DurableFile> {
  const handle = await openOrCreate(name);
  return {
    size: async () => (await handle.stat()).size,
    read: async (at, bytes) => {
      const buffer = Buffer.alloc(bytes);
      let filled = 0;
      for (;;) {
        const { bytesRead } = await handle.read(buffer, filled, bytes - filled, at + filled);
        filled += bytesRead;
        if (bytesRead === 0 || filled === bytes) return buffer.subarray(0, filled);
      }
    },
    write: async (at, bytes) => {
      let written = 0;
      while (written < bytes.length) {
        written += (await handle.write(bytes, written, bytes.length - written, at + written)).bytesWritten;
      }
      await handle.datasync();
    },
    truncate: async (bytes) => {
      await handle.truncate(bytes);
      await handle.sync();
    },
    close: () => handle.close(),
  };
}

async function openOrCreate(name: string): Promise<FileHandle> {
  try {
    return await open(name, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const handle = await open(name, 'wx+');
  // A new file is only as durable as its name.
  const directory = await open(path.dirname(name), 'r');
  await directory.sync().finally(() => directory.close());
  return handle;
}
