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

interface Entry {
  readonly graph: CompiledGraph;
  /** Those who run the graph without asking the cache. */
  holders: number;
}

/**
 * Compiled graphs by structure, least recently used first out. Each session owns a memory arena, so the number is small
 * and eviction releases it at once. A graph that somebody holds is never evicted, whatever the bound.
 */
export class SessionCache {
  private readonly entries = new Map<string, Entry>();
  private hits = 0;
  private misses = 0;
  private evictions = 0;
  private readonly capacity: number;

  /** @param capacity most sessions kept at a time that nobody holds */
  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get(structure: string, compile: () => CompiledGraph): CompiledGraph {
    return this.find(structure, compile).graph;
  }

  /** As `get`, and the graph stays until `release` was called as often. */
  hold(structure: string, compile: () => CompiledGraph): CompiledGraph {
    const entry = this.find(structure, compile);
    entry.holders++;
    return entry.graph;
  }

  /** Lets go of a held graph. The session of one that nobody holds any more is released at once. */
  release(structure: string): void {
    const key = keyOf(structure);
    const entry = this.entries.get(key);
    if (!entry || --entry.holders > 0) return;
    this.entries.delete(key);
    entry.graph.session.dispose();
  }

  statistics(): CacheStatistics {
    return { hits: this.hits, misses: this.misses, evictions: this.evictions, sessions: this.entries.size };
  }

  /** Gives back the memory of every session; each takes it again when it runs. */
  suspend(): void {
    for (const { graph } of this.entries.values()) graph.session.suspend();
  }

  /** Releases every session. */
  clear(): void {
    for (const { graph } of this.entries.values()) graph.session.dispose();
    this.entries.clear();
  }

  private find(structure: string, compile: () => CompiledGraph): Entry {
    const key = keyOf(structure);
    const known = this.entries.get(key);
    if (known) {
      this.hits++;
      this.entries.delete(key);
      this.entries.set(key, known);
      return known;
    }
    this.misses++;
    this.makeRoom();
    const entry = { graph: compile(), holders: 0 };
    this.entries.set(key, entry);
    return entry;
  }

  private makeRoom(): void {
    const free = [...this.entries].filter(([, { holders }]) => holders === 0);
    for (const [key, { graph }] of free.slice(0, Math.max(0, free.length - this.capacity + 1))) {
      this.entries.delete(key);
      graph.session.dispose();
      this.evictions++;
    }
  }
}
