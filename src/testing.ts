export { createMemoryNodes, MemoryNode } from './node/memory-node.ts';
