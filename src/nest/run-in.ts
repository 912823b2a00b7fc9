import { isObservable, Observable } from 'rxjs';
import type { Scope } from '../context/scope.js';
import { storage } from '../context/storage.js';

/** Calls `run` in a scope. What its answer does only when asked, by whomever, happens there, too. */
export function runIn(scope: Scope, run: () => unknown): unknown {
  return keepIn(scope, storage.run(scope, run));
}

/** Observables produce when they are subscribed to, generators with every `next`; both may come in a promise. */
function keepIn(scope: Scope, answer: unknown): unknown {
  if (isObservable(answer))
    return new Observable((subscriber) => storage.run(scope, () => answer.subscribe(subscriber)));
  if (isGenerator(answer)) return iterateIn(scope, answer);
  return answer instanceof Promise ? answer.then((value) => keepIn(scope, value)) : answer;
}

const STEPS = ['next', 'return', 'throw'] as const;
type AnyGenerator = Record<(typeof STEPS)[number], (...args: unknown[]) => unknown>;

function isGenerator(answer: unknown): answer is AnyGenerator {
  return /^\[object (Async)?Generator\]$/.test(Object.prototype.toString.call(answer));
}

/** The same generator, since it has been made by this very call, and callers may use all that generators can. */
function iterateIn(scope: Scope, generator: AnyGenerator): AnyGenerator {
  for (const step of STEPS) {
    const own = generator[step];
    generator[step] = (...args) => storage.run(scope, () => own.apply(generator, args));
  }
  return generator;
}
