import { Child } from './child.js';

/** A process that sends requests. */
export function startLoadGenerator(): Child {
  return Child.start(new URL('../load/generator.js', import.meta.url));
}
