/** A goal, and what has come of it. */
export interface Verdict {
  readonly goal: string;
  readonly value: number;
  readonly limit: number;
  readonly met: boolean;
}

// A figure that is missing is NaN, and meets nothing.
export function atMost(goal: string, value: number, limit: number): Verdict {
  return { goal: `${goal} ≤ ${limit}`, value, limit, met: value <= limit };
}

export function atLeast(goal: string, value: number, limit: number): Verdict {
  return { goal: `${goal} ≥ ${limit}`, value, limit, met: value >= limit };
}

export function below(goal: string, value: number, limit: number): Verdict {
  return { goal: `${goal} < ${limit}`, value, limit, met: value < limit };
}

export function above(goal: string, value: number, limit: number): Verdict {
  return { goal: `${goal} > ${limit}`, value, limit, met: value > limit };
}
