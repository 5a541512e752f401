export {
  Actor,
  type ActorClass,
  type ActorContext,
  type Definition,
  type Mode,
  type Spawner,
  type SpawnOptions,
} from './actor.js';
export type { Behaviour, NoTopics, Tellable, Topics } from './behaviour.js';
export { settlesWithin } from './deadline.js';
export { ActorError, type ActorErrorCode, asError, TimeoutError } from './errors.js';
export { Mailbox } from './mailbox.js';
export { type Place, type PlacedActor, Placement, PlacementError } from './placement.js';
export type { AskOptions, Exit, Ref } from './ref.js';
export { exitOnFatal, type FatalContext, fatalExitCode } from './runtime.js';
export { type RestartLimits, type StartTimer, Supervisor, type SupervisorOptions } from './supervisor.js';
export { System, type SystemOptions } from './system.js';
