import { dmxError } from '../errors/codes.js';
import { isDmxError, reasonOf } from '../errors/dmx-error.js';
import { nearest } from '../errors/suggest.js';
import type { Token } from '../slots/tokens.js';
import { type Constructor, type Container, createContainer } from './di.js';

/**
 * A place where tokens have values. A child scope sees its parent's tokens and may override them for itself and for what
 * is below it. What a parent creates is made from the parent's own values: an override in a child never leaks upwards.
 */
export interface Scope {
  readonly name: string;
  /** @throws DMX_TOKEN_TWICE when the token is bound in this very scope. */
  bindValue<V>(token: Token<V>, value: V): void;
  /** Binds a value that is made once, at its first resolution, from this scope. */
  bindFactory<V>(token: Token<V>, create: (owner: Scope) => V): void;
  /** Binds an instance that is made once, from this scope; the tuple names the constructor's parameters in order. */
  bindClass<V, D extends readonly unknown[]>(
    token: Token<V>,
    target: new (...dependencies: D) => V,
    dependencies: { readonly [K in keyof D]: Token<D[K]> },
  ): void;
  has(token: Token<unknown>): boolean;
  /** @throws DMX_TOKEN_UNBOUND, DMX_TOKEN_RING. */
  resolve<V>(token: Token<V>): V;
  /** A new instance of a class decorated with `@dinomix/core/di`. @throws DMX_CLASS_METADATA. */
  construct<V>(target: Constructor<V>): V;
  child(name: string): Scope;
  /** Refuses further calls. Values are disposed by whoever owns them. */
  close(): void;
}

interface ScopeState {
  readonly container: Container;
  /** Names bound here and above, for suggestions. */
  readonly names: Set<string>;
  readonly above: ScopeState | null;
}

function knownNames(state: ScopeState | null): string[] {
  return state === null ? [] : [...state.names, ...knownNames(state.above)];
}

/** Names of the tokens being resolved, across all scopes: resolution is synchronous, so one list is enough. */
const resolving: { readonly owner: object; readonly name: string }[] = [];

function makeOnce<V>(name: string, create: () => V): () => V {
  const owner = {};
  let made: { readonly value: V } | undefined;
  return () => {
    if (made !== undefined) return made.value;
    const start = resolving.findIndex((entry) => entry.owner === owner);
    if (start >= 0) {
      const ring = [...resolving.slice(start).map((entry) => entry.name), name];
      throw dmxError('DMX_TOKEN_RING', { ring });
    }
    resolving.push({ owner, name });
    try {
      made = { value: create() };
      return made.value;
    } finally {
      resolving.pop();
    }
  };
}

function buildScope(name: string, state: ScopeState): Scope {
  let closed = false;
  const guard = (call: string): void => {
    if (closed) throw dmxError('DMX_SCOPE_CLOSED', { scope: name, call });
  };
  const bind = <V>(token: Token<V>, create: () => V): void => {
    guard(`bind("${token.name}")`);
    if (state.names.has(token.name)) throw dmxError('DMX_TOKEN_TWICE', { token: token.name, scope: name });
    state.names.add(token.name);
    state.container.register(token.key, create);
  };
  const scope: Scope = {
    name,
    bindValue: (token, value) => bind(token, () => value),
    bindFactory: (token, create) =>
      bind(
        token,
        makeOnce(token.name, () => create(scope)),
      ),
    bindClass: (token, target, dependencies) =>
      bind(
        token,
        makeOnce(token.name, () => {
          const values = (dependencies as readonly Token<unknown>[]).map((dependency) => scope.resolve(dependency));
          return new (target as new (...args: readonly unknown[]) => never)(...values);
        }),
      ),
    has: (token) => !closed && state.container.has(token.key),
    resolve: <V>(token: Token<V>): V => {
      guard(`resolve("${token.name}")`);
      if (state.container.has(token.key)) return state.container.resolve(token.key) as V;
      const close = nearest(token.name, knownNames(state));
      throw dmxError('DMX_TOKEN_UNBOUND', { token: token.name, scope: name, nearest: close });
    },
    construct: (target) => {
      guard(`construct(${target.name})`);
      try {
        return state.container.construct(target);
      } catch (thrown) {
        if (isDmxError(thrown)) throw thrown;
        const details = { name: target.name, reason: reasonOf(thrown) };
        throw dmxError('DMX_CLASS_METADATA', details, { cause: thrown });
      }
    },
    child: (childName) => {
      guard(`child("${childName}")`);
      return buildScope(childName, { container: state.container.child(), names: new Set(), above: state });
    },
    close: () => {
      closed = true;
    },
  };
  return scope;
}

/** Makes a scope without a parent. */
export function createScope(name: string): Scope {
  return buildScope(name, { container: createContainer(), names: new Set(), above: null });
}
