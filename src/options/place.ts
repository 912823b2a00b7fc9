import { describeKind } from './describe-value.js';
import type { Findings } from './findings.js';

/** An object whose members are not known yet. */
export type UnknownRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is UnknownRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * What an object of options says: its own members, and, where it is an instance of a class, what that one's getters answer.
 */
export function membersOf(options: UnknownRecord): UnknownRecord {
  const getters = gettersOf(Object.getPrototypeOf(options) as object | null);
  if (getters.length === 0) return options;
  return { ...Object.fromEntries(getters.map((key) => [key, options[key]])), ...options };
}

/** Not of `Object.prototype`, from whichever realm: nothing is above it. */
function gettersOf(prototype: object | null): readonly string[] {
  const parent = prototype && (Object.getPrototypeOf(prototype) as object | null);
  if (!prototype || !parent) return [];
  const own = Object.entries(Object.getOwnPropertyDescriptors(prototype)).filter(([, { get }]) => get);
  return [...gettersOf(parent), ...own.map(([key]) => key)];
}

/** A place in the options: what the user wrote there, and its name. What is wrong there goes to the findings. */
export class Place {
  /** None where there is no object. */
  readonly members: UnknownRecord;

  constructor(
    readonly path: string,
    readonly value: unknown,
    readonly findings: Findings,
  ) {
    this.members = isRecord(value) ? membersOf(value) : {};
  }

  at(key: string): Place {
    return new Place(this.path === '' ? key : `${this.path}.${key}`, this.members[key], this.findings);
  }

  /** The items of a list; `undefined` when there is none. */
  items(example: string): readonly Place[] | undefined {
    const { path, value, findings } = this;
    if (Array.isArray(value))
      return value.map((item: unknown, index) => new Place(`${path}[${index}]`, item, findings));
    if (value !== undefined) this.report(`expected an array, as in ${example}, got ${describeKind(value)}.`);
    return undefined;
  }

  /** Says that here is an object all of whose keys are ours: others are problems. */
  close(known: readonly string[], expected = 'an object'): void {
    if (this.value !== undefined && !isRecord(this.value))
      this.report(`expected ${expected}, got ${describeKind(this.value)}.`);
    this.findings.close({ path: this.path, keys: Object.keys(this.members), known });
  }

  report(message: string): void {
    this.findings.add(this.path, message);
  }
}
