import type { ModulesContainer } from '@nestjs/core';
import { describeUnknownGroup } from '../cluster/routing/explain-unavailable.js';
import { UsageError } from '../errors.js';
import { markOf } from './handler-marks.js';
import { descriptorsOf } from './in-own-unit.js';

/** Refuses decorators that name a group which no replica is in: none would ever read. @throws UsageError */
export function checkGroups(modules: ModulesContainer, known: ReadonlySet<string>): void {
  for (const { controllers, providers } of modules.values()) {
    for (const { metatype } of [...controllers.values(), ...providers.values()]) {
      if (typeof metatype !== 'function') continue;
      for (const [handler, group] of groupsIn(metatype as Class)) {
        if (!known.has(group))
          throw new UsageError(`${handler}: ${describeUnknownGroup('this application', group, known)}`);
      }
    }
  }
}

type Class = { readonly name: string; readonly prototype?: object };

/** The groups that a class and its methods ask for, each with where. Factories of providers have none. */
function* groupsIn(owner: Class): Iterable<readonly [where: string, group: string]> {
  const ofClass = groupOf(owner);
  if (ofClass !== undefined) yield [owner.name, ofClass];
  for (const [key, { value }] of owner.prototype ? descriptorsOf(owner.prototype) : []) {
    const group = typeof value === 'function' ? groupOf(value as object) : undefined;
    if (group !== undefined) yield [`${owner.name}.${key}`, group];
  }
}

function groupOf(marked: object): string | undefined {
  const useSlave = markOf(marked)?.useSlave;
  return typeof useSlave === 'object' ? useSlave.group : undefined;
}
