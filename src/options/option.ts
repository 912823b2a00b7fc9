import { describeValue } from './describe-value.js';
import { isRecord, type Place } from './place.js';

/**
 * An option: its check and its default. What is wrong is refused, and the reader goes on with the default, so that all
 * problems are found in one pass. `Given` is what users may write, `Value` what the code sees.
 *
 * Options are declared as members of an object, each with one sentence of TSDoc and its `@default`: users' editors and
 * docs/options.md show it, and a test holds it against the default itself.
 */
export interface Option<Given, Value> {
  (place: Place): Value;
  /** Carries the type; never there. */
  readonly given?: Given;
}

export type Options = Readonly<Record<string, Option<unknown, unknown>>>;

/** What users write: all options may be left out, but for those that are needed. */
export type Given<Declared extends Options, Needed extends keyof Declared = never> = {
  readonly [Key in keyof Declared as Exclude<Key, Needed>]?: NonNullable<Declared[Key]['given']>;
} & {
  readonly [Key in keyof Declared as Extract<Key, Needed>]: NonNullable<Declared[Key]['given']>;
};

/** What the code sees: all of them. */
export type Resolved<Declared extends Options> = {
  readonly [Key in keyof Declared]: ReturnType<Declared[Key]>;
};

/** Options in an object of their own, in which no other keys may be. */
export function section<Declared extends Options>(
  options: Declared,
  expected?: string,
): Option<Given<Declared>, Resolved<Declared>> {
  return (place) => {
    place.close(Object.keys(options), expected);
    return readEach(options, place);
  };
}

/** Options in an object in which other keys may be as well. */
export function readEach<Declared extends Options>(options: Declared, place: Place): Resolved<Declared> {
  const values = Object.entries(options).map(([key, option]) => [key, option(place.at(key))] as const);
  return Object.freeze(Object.fromEntries(values)) as Resolved<Declared>;
}

/** What a value must be. */
export interface Rule {
  readonly is: (value: unknown) => boolean;
  /** For people: `true or false`. */
  readonly expected: string;
  /** Advice for those who wrote this value. */
  readonly fix?: (value: unknown) => string | undefined;
}

/** A value that must be there. `preset`: what the reader goes on with when it is not. */
export function needed<Given, Value = Given>(rule: Rule, preset: Value): Option<Given, Given | Value> {
  return (place) => {
    const { value } = place;
    if (rule.is(value)) return value as Given;
    const fix = rule.fix?.(value);
    const advice = fix === undefined ? '' : ` ${fix}`;
    place.report(`expected ${rule.expected}, got ${describeValue(value)}.${advice}`);
    return preset;
  };
}

/** A value that may be left out. */
export function value<Given, Value = Given>(rule: Rule, preset: Value): Option<Given, Given | Value> {
  const read = needed<Given, Value>(rule, preset);
  return (place) => (place.value === undefined ? preset : read(place));
}

export function oneOf<Word extends string, const Preset>(
  words: readonly Word[],
  preset: Preset,
): Option<Word, Word | Preset> {
  const quoted = words.map((word) => `'${word}'`);
  const expected = `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
  return value({ is: (given) => (words as readonly unknown[]).includes(given), expected }, preset);
}

export function flag<const Preset>(preset: Preset): Option<boolean, boolean | Preset> {
  const fix = () => 'An environment variable is a string: compare it, as in process.env.X === "true".';
  return value({ is: (given) => typeof given === 'boolean', expected: 'true or false', fix }, preset);
}

/** A string that matches; `expected` says so to people. */
export function text<Preset>(
  pattern: RegExp,
  expected: string,
  preset: Preset,
): Option<string, string | Preset> {
  return value({ is: (given) => typeof given === 'string' && pattern.test(given), expected }, preset);
}

export interface IntegerRange {
  readonly min: number;
  readonly max?: number;
  /** Advice for those who wrote a number out of range. */
  readonly fix?: string;
}

export function integer(preset: number, { min, max, fix }: IntegerRange): Option<number, number> {
  const is = (given: unknown) =>
    typeof given === 'number' && Number.isInteger(given) && given >= min && given <= (max ?? Infinity);
  const expected = max === undefined ? `an integer of at least ${min}` : `an integer from ${min} to ${max}`;
  return value({ is, expected, fix: (given) => describeEnvironment(given) ?? fix }, preset);
}

/** Advice for those who wrote what an environment variable holds, or does not. */
export function describeEnvironment(given: unknown): string | undefined {
  if (Number.isNaN(given)) return 'Is the environment variable set?';
  return typeof given === 'string'
    ? 'An environment variable is a string: convert it with Number(...).'
    : undefined;
}

/** Beyond, `setTimeout` overflows and fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Milliseconds. */
export function duration(presetMs: number, minMs = 1): Option<number, number> {
  return integer(presetMs, { min: minMs, max: LONGEST_TIMER_MS });
}

/** A list; items that are refused are left out. `example` is shown to those who wrote something else. */
export function list<Given, Value>(
  item: Option<Given, Value | undefined>,
  preset: readonly Value[],
  example: string,
): Option<readonly Given[], readonly Value[]> {
  return (place) => {
    const values = place.items(example)?.map((each) => item(each));
    return Object.freeze(values?.filter((each) => each !== undefined) ?? preset);
  };
}

/** `false` stands for a value of its own; all else is read by the option. */
export function unlessFalse<Given, Value, Off>(
  off: Off,
  option: Option<Given, Value>,
): Option<Given | false, Value | Off> {
  return (place) => (place.value === false ? off : option(place));
}

/** The same option, whose value the code sees in another form. */
export function seenAs<Given, Value, Seen>(
  option: Option<Given, Value>,
  see: (value: Value) => Seen,
): Option<Given, Seen> {
  return (place) => see(option(place));
}

/** Whether it is an object, or an instance of a class, with these methods. */
export function hasFunctions(given: unknown, ...names: readonly string[]): boolean {
  return isRecord(given) && names.every((name) => typeof given[name] === 'function');
}
