import { Redlock } from 'quorlock';
import { createMemoryNodes } from 'quorlock/testing';

/** A lock service on five nodes in memory. */
export const redlock: Redlock = new Redlock(createMemoryNodes(5));
