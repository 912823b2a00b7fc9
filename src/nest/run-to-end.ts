import { isObservable, Observable } from 'rxjs';
import type { Scope } from '../context/scope.js';
import { storage } from '../context/storage.js';
import { untilEnd } from '../context/until-end.js';
import type { UnitOfWork } from '../context/unit-of-work.js';

/**
 * Calls a handler, which ends the unit when it has answered: when its promise settles, its Observable completes, fails or is
 * unsubscribed, its generator is through. What the answer does only when asked, by whatever asks, happens in the scope.
 */
export function runToEnd(unit: UnitOfWork, scope: Scope, run: () => unknown): unknown {
  const inScope = <T>(fn: () => T): T => (storage.getStore() === scope ? fn() : storage.run(scope, fn));
  const end = (): void => unit.end();
  return untilEnd(
    () => inScope(run),
    end,
    (answer) => {
      if (isObservable(answer)) return observeIn(inScope, answer, end);
      return isGenerator(answer) ? iterateIn(inScope, answer, end) : undefined;
    },
  );
}

type InScope = <T>(fn: () => T) => T;

/** Observables produce when they are subscribed to. */
function observeIn(inScope: InScope, answer: Observable<unknown>, end: () => void): Observable<unknown> {
  return new Observable((subscriber) => {
    const subscription = inScope(() =>
      answer.subscribe({
        next: (value) => subscriber.next(value),
        error(error: unknown) {
          end();
          subscriber.error(error);
        },
        complete() {
          end();
          subscriber.complete();
        },
      }),
    );
    return () => {
      end();
      subscription.unsubscribe();
    };
  });
}

const STEPS = ['next', 'return', 'throw'] as const;
type AnyGenerator = Record<(typeof STEPS)[number], (...args: unknown[]) => unknown>;

function isGenerator(answer: unknown): answer is AnyGenerator {
  return /^\[object (Async)?Generator\]$/.test(Object.prototype.toString.call(answer));
}

/** Generators produce with every step. The same one, since this very call has made it, and callers may use all that it can. */
function iterateIn(inScope: InScope, generator: AnyGenerator, end: () => void): AnyGenerator {
  for (const name of STEPS) {
    const own = generator[name];
    generator[name] = (...args) =>
      untilEnd(
        () => inScope(() => own.apply(generator, args)),
        end,
        (step) => {
          if ((step as { readonly done?: boolean }).done) end();
          return step;
        },
      );
  }
  return generator;
}
