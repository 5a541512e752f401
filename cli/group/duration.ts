import { durationMs } from '../../actors/groups/group-config.js';
import type { SettingKind } from '../setting-kinds.js';

/** A length of time: seconds, or text such as `90s`, `5m`, `12h` or `7d`. Its value is in milliseconds. */
export const duration: SettingKind = {
  placeholder: 'TIME',
  expected: 'seconds such as 60, or a time such as 500ms, 90s, 5m, 12h or 7d',
  fromText: durationMs,
  fromJson: durationMs,
};
