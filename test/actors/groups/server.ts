import { onTestFinished } from 'vitest';
import type { GroupConfig } from '../../../actors/groups/group-config.js';
import { defaultServerConfig, type ServerConfig } from '../../../actors/server-config.js';
import { type RunningServer, startServer } from '../../../actors/start-server.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { silent } from '../support.js';

/** A server in this process with one group, `news`, that has a time bound of an hour. */
export async function serverWithGroup(
  more: Partial<ServerConfig> = {},
  group: Partial<GroupConfig> = {},
): Promise<RunningServer & { data: string }> {
  const data = more.data ?? (await directoryOfTest());
  const config: ServerConfig = {
    ...defaultServerConfig,
    durability: 'os',
    data,
    port: 0,
    generator: { ...defaultServerConfig.generator, rate: 0 },
    groups: [{ name: 'news', tdMs: 3_600_000, membersMax: 100, dialBack: 'same-address', ...group }],
    ...more,
  };
  const server = await startServer(config, silent);
  onTestFinished(() => server.stop());
  return { ...server, data };
}

async function directoryOfTest(): Promise<string> {
  const { directory, remove } = await temporaryDirectory();
  onTestFinished(remove);
  return directory;
}
