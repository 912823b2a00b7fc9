import { describeKind, describeValue } from './describe-value.js';
import type { Findings } from './findings.js';

/** An object whose members are not known yet. */
export type UnknownRecord = Readonly<Record<string, unknown>>;

/** What an integer must be, and what it is when the user says nothing. */
export interface IntegerRule<Fallback> {
  readonly fallback: Fallback;
  readonly min: number;
  readonly max?: number;
  /** Added to the message when the number is out of range. */
  readonly fix?: string;
}

/** What a value must be. */
export interface ValueRule {
  readonly is: (value: unknown) => boolean;
  /** For people: `true or false`. */
  readonly expected: string;
  readonly fix?: string;
}

export function isRecord(value: unknown): value is UnknownRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether it is an object, or an instance of a class, with these methods. */
export function hasFunctions(value: unknown, ...names: readonly string[]): value is UnknownRecord {
  return isRecord(value) && names.every((name) => typeof value[name] === 'function');
}

/**
 * Reads the options of one object. What is wrong goes to the findings, and the reader goes on with the fallback,
 * so that all problems are found in one pass. It remembers the keys it was asked for: the others are unknown.
 */
export class Section {
  readonly askedKeys = new Set<string>();
  readonly values: UnknownRecord;

  constructor(
    readonly path: string,
    value: unknown,
    readonly findings: Findings,
  ) {
    this.values = isRecord(value) ? value : {};
  }

  /** A section whose unknown keys are problems. */
  static closed(path: string, value: unknown, findings: Findings): Section {
    const section = new Section(path, value, findings);
    findings.close(section);
    return section;
  }

  /** Where a member is, as the user wrote it. */
  pathOf(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`;
  }

  refuse(key: string, message: string): void {
    this.findings.add(this.pathOf(key), message);
  }

  /** The value as it is. */
  raw(key: string): unknown {
    this.askedKeys.add(key);
    return this.values[key];
  }

  /** A section of this section; all its keys must be known to those who read it. */
  section(key: string, expected = 'an object'): Section {
    const value = this.raw(key);
    if (value !== undefined && !isRecord(value))
      this.refuse(key, `expected ${expected}, got ${describeKind(value)}.`);
    return Section.closed(this.pathOf(key), value, this.findings);
  }

  integer<Fallback>(key: string, rule: IntegerRule<Fallback>): number | Fallback {
    const value = this.raw(key);
    if (value === undefined) return rule.fallback;
    if (typeof value === 'number' && fits(value, rule)) return value;
    this.refuse(
      key,
      `expected ${describeRule(rule)}, got ${describeValue(value)}.${integerFix(value, rule.fix)}`,
    );
    return rule.fallback;
  }

  boolean(key: string, fallback: boolean): boolean {
    return this.checked(key, fallback, {
      is: (value) => typeof value === 'boolean',
      expected: 'true or false',
      fix: ' An environment variable is a string: compare it, as in process.env.X === "true".',
    });
  }

  oneOf<Allowed extends string, Fallback>(
    key: string,
    allowed: readonly Allowed[],
    fallback: Fallback,
  ): Allowed | Fallback {
    return this.checked<Allowed | Fallback>(key, fallback, {
      is: (value) => (allowed as readonly unknown[]).includes(value),
      expected: listOr(allowed.map((word) => `'${word}'`)),
    });
  }

  /** Any value of which `is` approves. */
  checked<T>(key: string, fallback: T, rule: ValueRule): T {
    return this.raw(key) === undefined ? fallback : this.required(key, fallback, rule);
  }

  /** The same, and it must be given. */
  required<T>(key: string, fallback: T, { is, expected, fix = '' }: ValueRule): T {
    const value = this.raw(key);
    if (is(value)) return value as T;
    this.refuse(key, `expected ${expected}, got ${describeValue(value)}.${fix}`);
    return fallback;
  }

  /** The items of a list; `undefined` when there is none. */
  list(key: string, example: string): readonly unknown[] | undefined {
    const value = this.raw(key);
    if (value === undefined || Array.isArray(value)) return value;
    this.refuse(key, `expected an array, as in ${example}, got ${describeKind(value)}.`);
    return undefined;
  }
}

/** `a, b or c`. */
function listOr(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function fits(value: number, { min, max = Infinity }: IntegerRule<unknown>): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

function describeRule({ min, max }: IntegerRule<unknown>): string {
  return max === undefined ? `an integer of at least ${min}` : `an integer from ${min} to ${max}`;
}

function integerFix(value: unknown, fix: string | undefined): string {
  if (Number.isNaN(value)) return ' Is the environment variable set?';
  if (typeof value === 'string') return ' An environment variable is a string: convert it with Number(...).';
  return fix === undefined ? '' : ` ${fix}`;
}
