import type { Logger } from 'pino';
import type { EdgeLimits } from './edge.js';
import { affordableConnections, openFilesMax } from './open-files.js';
import type { ServerConfig } from './server-config.js';

/** Limits of the gateway of each port; all of them may be in this process. @param server name and version, for LOGGED_IN */
export function gatewayLimits(config: ServerConfig, server: string, logger: Logger): EdgeLimits {
  const { publishBytesMax, ringBytesMax } = config;
  const openFiles = openFilesMax() ?? Number.POSITIVE_INFINITY;
  const ports = config.soupPort === 'off' ? 1 : 2;
  const { connectionsMax, loginsMax } = affordableConnections(config, Math.floor(openFiles / ports));
  if (connectionsMax < config.connectionsMax) {
    const { connectionsMax: configured } = config;
    logger.warn({ openFiles, connectionsMax, configured }, 'few open files allowed: connections are limited');
  }
  return { connectionsMax, loginsMax, publishBytesMax, ringBytesMax, server };
}
