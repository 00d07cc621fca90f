import { describe, expect, expectTypeOf, it } from 'vitest';
import { inject, injectable } from '../di.js';
import { token } from '../slots/tokens.js';
import { createScope } from './scope.js';

interface Clock {
  now(): number;
}
const CLOCK = token<Clock>('test.clock');
const NAME = token<string>('test.name');
const SERVICE = token<Service>('test.service');

class Service {
  readonly clock: Clock;
  readonly name: string;
  constructor(clock: Clock, name: string) {
    this.clock = clock;
    this.name = name;
  }
}

const clock = (time: number): Clock => ({ now: () => time });

describe('scope', () => {
  it('makes factories and classes once, from their own scope', () => {
    const scope = createScope('host');
    let made = 0;
    scope.bindFactory(CLOCK, (owner) => {
      expect(owner).toBe(scope);
      made += 1;
      return clock(1);
    });
    scope.bindValue(NAME, 'a');
    scope.bindClass(SERVICE, Service, [CLOCK, NAME]);
    const service = scope.resolve(SERVICE);
    expect([service.clock.now(), service.name, scope.resolve(SERVICE) === service, made]).toEqual([1, 'a', true, 1]);
  });

  it('shows a child what is above it, and lets it override for itself', () => {
    const host = createScope('host');
    host.bindValue(NAME, 'host');
    const [one, two] = [host.child('one'), host.child('two')];
    one.bindValue(NAME, 'one');
    expect([one.resolve(NAME), two.resolve(NAME), host.resolve(NAME)]).toEqual(['one', 'host', 'host']);
    expect([host.has(CLOCK), two.has(NAME)]).toEqual([false, true]);
  });

  it('checks the dependencies of a class in the compiler', () => {
    const scope = createScope('host');
    // @ts-expect-error wrong order
    expect(() => scope.bindClass(SERVICE, Service, [NAME, CLOCK])).not.toThrow();
    // @ts-expect-error one is missing
    expect(() => scope.child('a').bindClass(SERVICE, Service, [CLOCK])).not.toThrow();
    // @ts-expect-error the class is not what the token stands for
    expect(() => scope.child('b').bindClass(CLOCK, Service, [CLOCK, NAME])).not.toThrow();
    expectTypeOf(createScope('x').resolve<Service>).returns.toEqualTypeOf<Service>();
  });

  it('says DMX_TOKEN_UNBOUND with the nearest name', () => {
    const host = createScope('host');
    host.bindValue(NAME, 'x');
    const resolve = () => host.child('run').resolve(token('test.nam'));
    expect(resolve).toThrowError(
      expect.objectContaining({ code: 'DMX_TOKEN_UNBOUND', fix: expect.stringContaining('"test.name"') }),
    );
  });

  it('does not construct what was never bound, as tsyringe would', () => {
    expect(() => createScope('host').resolve({ key: Symbol('x'), name: 'x' })).toThrowError(
      expect.objectContaining({ code: 'DMX_TOKEN_UNBOUND' }),
    );
  });

  it('refuses a second meaning: DMX_TOKEN_TWICE', () => {
    const scope = createScope('host');
    scope.bindValue(NAME, 'a');
    expect(() => scope.bindValue(NAME, 'b')).toThrowError(expect.objectContaining({ code: 'DMX_TOKEN_TWICE' }));
  });

  it('shows a ring: DMX_TOKEN_RING', () => {
    const scope = createScope('host');
    const [A, B] = [token<number>('a'), token<number>('b')];
    scope.bindFactory(A, (owner) => owner.resolve(B));
    scope.bindFactory(B, (owner) => owner.resolve(A));
    const resolve = () => scope.child('run').resolve(A);
    expect(resolve).toThrowError(expect.objectContaining({ code: 'DMX_TOKEN_RING', why: 'a needs b needs a.' }));
  });

  it('tries again after a factory failed', () => {
    const scope = createScope('host');
    let calls = 0;
    scope.bindFactory(NAME, () => {
      calls += 1;
      if (calls === 1) throw new Error('not yet');
      return 'now';
    });
    expect(() => scope.resolve(NAME)).toThrow('not yet');
    expect(scope.resolve(NAME)).toBe('now');
  });

  it('is over when closed: DMX_SCOPE_CLOSED', () => {
    const scope = createScope('run r-1');
    scope.bindValue(NAME, 'a');
    scope.close();
    expect(scope.has(NAME)).toBe(false);
    for (const call of [() => scope.resolve(NAME), () => scope.bindValue(CLOCK, clock(0)), () => scope.child('x')]) {
      expect(call).toThrowError(expect.objectContaining({ code: 'DMX_SCOPE_CLOSED' }));
    }
  });

  it('constructs decorated classes from the scope that is asked', () => {
    class Decorated {
      readonly name: string;
      constructor(name: string) {
        this.name = name;
      }
    }
    // What every compiler makes of @injectable() and @inject(NAME) on the parameter.
    inject(NAME)(Decorated, undefined, 0);
    injectable()(Decorated);
    const scope = createScope('host');
    scope.bindValue(NAME, 'host');
    const run = scope.child('run');
    run.bindValue(NAME, 'run');
    expect([run.construct(Decorated).name, scope.construct(Decorated).name]).toEqual(['run', 'host']);
  });
});
