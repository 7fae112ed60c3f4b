import { Fence } from '../../src/fencing/fence.ts';
import { StaleFencingTokenError } from '../../src/fencing.ts';

/** How many writes a holder had seen when it read: of the guarded store, and of the one without a guard. */
export interface Seen {
  readonly guarded: number;
  readonly unguarded: number;
}

export interface Written {
  readonly isAccepted: boolean;
  /** How many writes of others disappear under this one, which its writer had not seen. */
  readonly lost: Seen;
}

interface Register {
  readonly fence: Fence;
  guarded: number;
  unguarded: number;
}

/**
 * What the locks guard: for each resource a value that holders read, and later replace by one that they have made of it.
 * There are two of each. One refuses fencing tokens that are older than those it has seen; the other takes everything, and
 * shows what that costs.
 */
export class Store {
  readonly #registers = new Map<string, Register>();

  /** The holder shows its token before it reads, so that from now on no earlier one can write. */
  read(resource: string, fencingToken: number): Seen {
    const register = this.#of(resource);
    isFresh(register, fencingToken);
    return { guarded: register.guarded, unguarded: register.unguarded };
  }

  write(resource: string, fencingToken: number, seen: Seen): Written {
    const register = this.#of(resource);
    const isAccepted = isFresh(register, fencingToken);
    const lost = {
      guarded: isAccepted ? register.guarded - seen.guarded : 0,
      unguarded: register.unguarded - seen.unguarded,
    };
    if (isAccepted) register.guarded++;
    register.unguarded++;
    return { isAccepted, lost };
  }

  #of(resource: string): Register {
    let register = this.#registers.get(resource);
    if (!register) {
      register = { fence: new Fence(resource), guarded: 0, unguarded: 0 };
      this.#registers.set(resource, register);
    }
    return register;
  }
}

function isFresh({ fence }: Register, fencingToken: number): boolean {
  try {
    fence.check(fencingToken);
    return true;
  } catch (error) {
    if (error instanceof StaleFencingTokenError) return false;
    throw error;
  }
}
