export { createMemoryNodes, MemoryNode, type MemoryNodeOptions } from './node/memory/memory-node.ts';
