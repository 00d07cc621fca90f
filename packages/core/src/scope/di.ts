// The only file that imports tsyringe, which throws at import unless reflect-metadata is loaded before it.
import 'reflect-metadata';
import {
  type DependencyContainer,
  container as globalContainer,
  inject as tsyringeInject,
  injectable as tsyringeInjectable,
} from 'tsyringe';
import type { Token } from '../slots/tokens.js';

/** A class with any constructor. */
export type Constructor<V> = new (...args: never[]) => V;

/** What scopes need of a container. */
export interface Container {
  child(): Container;
  /** Registers a function that is called at every resolution, from this container or one below it. */
  register(key: symbol, create: () => unknown): void;
  /** Whether this container or one above it has the key. */
  has(key: symbol): boolean;
  resolve(key: symbol): unknown;
  /** Constructs a class decorated with {@link injectable} and {@link inject}. */
  construct<V>(target: Constructor<V>): V;
}

function wrap(container: DependencyContainer): Container {
  return {
    child: () => wrap(container.createChildContainer()),
    register: (key, create) => {
      container.register(key, { useFactory: () => create() });
    },
    has: (key) => container.isRegistered(key, true),
    resolve: (key) => container.resolve(key),
    construct: (target) => container.resolve(target as new (...args: unknown[]) => never),
  };
}

/** Makes a container of its own, below the global one of tsyringe, which stays empty. */
export function createContainer(): Container {
  return wrap(globalContainer.createChildContainer());
}

/** Marks a class whose constructor parameters all carry {@link inject}. */
export function injectable(): <C extends Constructor<unknown>>(target: C) => void {
  const decorate = tsyringeInjectable();
  return (target) => decorate(target as unknown as new (...args: unknown[]) => unknown);
}

/** Names the token of one constructor parameter. */
export function inject(wanted: Token<unknown>): ParameterDecorator {
  return tsyringeInject(wanted.key) as ParameterDecorator;
}
