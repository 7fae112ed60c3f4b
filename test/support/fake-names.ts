import type { Addresses, Family, SystemNames } from '../../src/node/redis/system-names.ts';

/** A question that was put to a name service, for the test to answer. */
export interface Question {
  readonly name: string;
  readonly family: Family;
  readonly answer: Addresses;
  isCancelled: boolean;
}

/** Name services that answer when the test says so. */
export class FakeNames implements SystemNames {
  readonly lookups: Question[] = [];
  readonly queries: Question[] = [];
  hostsFile = '';

  lookup(name: string, family: Family, answer: Addresses): void {
    this.lookups.push({ name, family, answer, isCancelled: false });
  }

  resolve(name: string, family: 4 | 6, answer: Addresses): () => void {
    const query = { name, family, answer, isCancelled: false };
    this.queries.push(query);
    return () => {
      query.isCancelled = true;
    };
  }

  hosts(): string {
    return this.hostsFile;
  }

  /** The last question to the name servers about a name, and the addresses of one family. */
  query(name: string, family: 4 | 6 = 4): Question {
    const ofFamily = this.queries.filter((query) => query.family === family);
    return last(ofFamily, name);
  }

  /** The name servers answer all questions about a name. */
  resolved(name: string, error: Error | null, addresses: readonly string[] = []): void {
    for (const { name: asked, family, answer, isCancelled } of this.queries) {
      if (asked === name && !isCancelled)
        answer(
          error,
          addresses.filter((address) => address.includes(':') === (family === 6)),
        );
    }
  }

  /** The last `dns.lookup` of a name. */
  lookedUp(name: string): Question {
    return last(this.lookups, name);
  }
}

function last(questions: readonly Question[], name: string): Question {
  const question = questions.findLast((one) => one.name === name);
  if (!question) throw new Error(`nobody asked for ${name}`);
  return question;
}

export function dnsError(code: string, name: string, call = 'getaddrinfo'): Error {
  return Object.assign(new Error(`${call} ${code} ${name}`), { code });
}
