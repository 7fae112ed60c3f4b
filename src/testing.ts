export { createMemoryNodes, MemoryNode, type MemoryNodeOptions } from './node/memory-node.ts';
