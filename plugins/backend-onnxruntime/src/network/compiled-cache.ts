interface Disposable {
  dispose(): void;
}

/** Compiled graphs by name, least recently used first out: each owns a memory arena. */
export class CompiledCache<T extends Disposable> {
  private readonly kept = new Map<string, T>();
  private readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get(key: string): T | undefined {
    const known = this.kept.get(key);
    if (known) {
      this.kept.delete(key);
      this.kept.set(key, known);
    }
    return known;
  }

  getOrMake(key: string, compile: () => T): T {
    const known = this.get(key);
    if (known) return known;
    for (const [oldest, graph] of this.kept) {
      if (this.kept.size < this.capacity) break;
      this.kept.delete(oldest);
      graph.dispose();
    }
    const graph = compile();
    this.kept.set(key, graph);
    return graph;
  }

  clear(): void {
    for (const graph of this.kept.values()) graph.dispose();
    this.kept.clear();
  }
}
