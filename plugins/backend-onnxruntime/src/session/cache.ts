import { createHash } from 'node:crypto';
import type { CompiledGraph } from './compile.js';

export interface CacheStatistics {
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  readonly sessions: number;
}

function keyOf(structure: string): string {
  return createHash('sha1').update(structure).digest('base64');
}

/**
 * Compiled graphs by structure, least recently used first out.
 * Each session owns a memory arena, so the number is small and eviction releases it at once.
 */
export class SessionCache {
  private readonly graphs = new Map<string, CompiledGraph>();
  private hits = 0;
  private misses = 0;
  private evictions = 0;
  private readonly capacity: number;

  /** @param capacity most sessions kept at a time */
  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get(structure: string, compile: () => CompiledGraph): CompiledGraph {
    const key = keyOf(structure);
    const known = this.graphs.get(key);
    if (known) {
      this.hits++;
      this.graphs.delete(key);
      this.graphs.set(key, known);
      return known;
    }
    this.misses++;
    while (this.graphs.size >= this.capacity) this.evictOldest();
    const graph = compile();
    this.graphs.set(key, graph);
    return graph;
  }

  statistics(): CacheStatistics {
    return { hits: this.hits, misses: this.misses, evictions: this.evictions, sessions: this.graphs.size };
  }

  /** Releases the session of one structure at once. */
  release(structure: string): void {
    const key = keyOf(structure);
    this.graphs.get(key)?.session.dispose();
    this.graphs.delete(key);
  }

  /** Releases every session. */
  clear(): void {
    for (const graph of this.graphs.values()) graph.session.dispose();
    this.graphs.clear();
  }

  private evictOldest(): void {
    const [key, graph] = this.graphs.entries().next().value!;
    this.graphs.delete(key);
    graph.session.dispose();
    this.evictions++;
  }
}
