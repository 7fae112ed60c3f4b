import type {
  ConfirmReply,
  ConfirmRequest,
  Deliver,
  ExtendReply,
  ExtendRequest,
  GrantReply,
  GrantRequest,
  InspectReply,
  NoAnswer,
  ReleaseReply,
  ReleaseRequest,
  RepairReply,
  RevokeReply,
  RevokeRequest,
  Waiter,
} from '../lock-node.ts';

export type Reply =
  | GrantReply
  | ConfirmReply
  | ExtendReply
  | RepairReply
  | ReleaseReply
  | RevokeReply
  | InspectReply;

/** A key that is only read. */
interface InspectRequest {
  readonly keys: readonly string[];
  readonly ownerToken: '';
}

export type Request =
  | GrantRequest
  | ConfirmRequest
  | ExtendRequest
  | ReleaseRequest
  | RevokeRequest
  | InspectRequest;

/**
 * What kind of command may carry an operation: `general` carries any, the others only operations of one kind, each on one key. A number is the
 * time in ms for which releases reserve a key for the first in its line.
 */
export type Form = 'general' | 'fenced' | 'plain' | number;

/** One operation on its way to a server. */
export class Operation {
  readonly verb: 'grant' | 'confirm' | 'extend' | 'repair' | 'release' | 'revoke' | 'inspect';
  /** The same object for all nodes that are asked the same. */
  readonly request: Request;
  /** What the keys' counters are raised to, or above; undefined without fencing. */
  readonly fence: number | undefined;
  /** The briefest kind of command that may carry it. */
  readonly form: Form;
  readonly deliver: (reply: Reply | NoAnswer) => void;

  private constructor(
    verb: Operation['verb'],
    request: Request,
    fence: number | undefined,
    deliver: (reply: never) => void,
  ) {
    this.verb = verb;
    this.request = request;
    this.fence = fence;
    this.form = formOf(verb, request, fence);
    this.deliver = deliver as Operation['deliver'];
  }

  /** An operation whose reply has the type that its verb promises; `decode` sees to it. */
  static of<R extends Reply>(
    verb: Operation['verb'],
    request: Request,
    fence: number | undefined,
    deliver: Deliver<R>,
  ): Operation {
    return new Operation(verb, request, fence, deliver);
  }

  get keys(): readonly string[] {
    return this.request.keys;
  }

  get firstKey(): string {
    return this.request.keys[0] ?? '';
  }

  /** Who waits in a line, if that is who asks. */
  get waiter(): Waiter | undefined {
    return (this.request as GrantRequest).waiter;
  }

  /** Of a release. */
  get afterwards(): ReleaseRequest['afterwards'] {
    return (this.request as ReleaseRequest).afterwards;
  }

  /** How many KEYS it takes in a command: its own, and their counters. */
  get keyCount(): number {
    return this.fence === undefined ? this.keys.length : 2 * this.keys.length;
  }

  /** Whether it may still be written: a grant, confirmation, extension, repair or revocation is dropped once its round is decided. */
  get isWanted(): boolean {
    const { request } = this;
    return 'wanted' in request ? request.wanted() : true;
  }
}

function formOf(verb: Operation['verb'], request: Request, fence: number | undefined): Form {
  if (request.keys.length !== 1 || (request as GrantRequest).waiter) return 'general';
  if (verb === 'grant') return fence === undefined ? 'plain' : 'fenced';
  if (verb !== 'release') return 'general';
  const { afterwards, reservation } = request as ReleaseRequest;
  return afterwards === 'serve' ? Math.max(1, reservation) : 'general';
}
