import { describeKind } from './describe-value.js';
import type { Findings } from './findings.js';

/** An object whose members are not known yet. */
export type UnknownRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is UnknownRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
    this.members = isRecord(value) ? value : {};
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
