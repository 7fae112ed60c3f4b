export type { Cancel, Clock } from './clock.ts';
export type { Diagnosis, Finding, FindingCode, Severity } from './diagnosis/finding.ts';
export {
  AcquireTimeoutError,
  type ErrorCode,
  LockLostError,
  LockReleasedError,
  type LossReason,
  NodeMisconfiguredError,
  NodesQuarantinedError,
  QuorumUnreachableError,
  RedlockClosedError,
  RedlockError,
  ResourceHeldError,
  ValidityExhaustedError,
  type Vote,
} from './errors.ts';
export type { Inspection, NodeInspection, Owner } from './inspection.ts';
export { defaultLabel } from './label.ts';
export type { Lock, Release } from './lock.ts';
export type {
  ConfirmReply,
  ConfirmRequest,
  Deliver,
  Extended,
  ExtendReply,
  ExtendRequest,
  GrantReply,
  GrantRequest,
  InboxListener,
  InspectReply,
  LockNode,
  NoAnswer,
  NodeCondition,
  OwnedKeys,
  Place,
  Quarantined,
  ReleaseReply,
  ReleaseRequest,
  RepairReply,
  RevokeReply,
  RevokeRequest,
  Taken,
  Unreachable,
  Unusable,
  Waiter,
  WriteRequest,
} from './node/lock-node.ts';
export type { Foreign } from './node/owner.ts';
export type {
  AddressMap,
  IoredisInstance,
  NodeRedisCluster,
  NodeRedisConnectionOptions,
  NodeRedisInstance,
  NodeRedisSentinelOptions,
  RedisInstance,
  RedisNodeOptions,
} from './node/redis/endpoint.ts';
export type { RestartGuard } from './node/redis/quarantine.ts';
export type { NodeSpec } from './nodes.ts';
export type {
  AcquireOptions,
  LockOptions,
  RedlockOptions,
  RetryOptions,
  TryAcquireOptions,
} from './options.ts';
export type { Random } from './random.ts';
export type { NodeStatus } from './readiness.ts';
export { Redlock, type Routine } from './redlock.ts';
export type { Revocation } from './revocation.ts';
export type {
  AcquireEvent,
  AcquireOutcome,
  ClockJumpEvent,
  ExtendFailedEvent,
  LockEvent,
  LockLostEvent,
  LockReleasedEvent,
  NodeEvent,
  PollingEvent,
  PublishedEvents,
  QueuedEvent,
  UsingEvent,
  WaitingEvent,
} from './tracing.ts';
