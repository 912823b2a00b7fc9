import { InvalidOptionsError } from '../../errors.js';
import { isRecord, membersOf, type UnknownRecord } from '../place.js';

/**
 * The options as a user's `dataSourceFactory` gets them: they can be read and copied, but a DataSource that TypeORM makes
 * of them fails before it connects. TypeORM does not know `primary`: it would dial localhost or PGHOST, and install
 * extensions or drop the schema there. With the primary's own address in the options, `dropSchema`, `synchronize` and
 * migrations would run on the primary, for a DataSource that is refused afterwards.
 *
 * Two values refuse to be used. `driver` is the package that TypeORM connects with, for every type of database.
 * `replication`, which TypeORM reads before that, refuses also where a factory sets a `driver` of its own, such as a
 * traced `pg`; where the user has written `replication`, such a factory reaches the servers that are named there. Spreads,
 * `Object.assign` and deep clones keep the two values. JSON makes text of them, with which TypeORM cannot connect either.
 */
export function refuseConnecting<T extends object>(options: T): T {
  const { driver, replication } = options as UnknownRecord;
  return {
    ...options,
    driver: refusing(driver),
    ...(replication === undefined && { replication: refusing(undefined) }),
  };
}

/** The options, or a copy of them, without what {@link refuseConnecting} has put there. */
export function allowConnecting<T>(options: T): T {
  if (!isRecord(options)) return options;
  const allowed: Record<string, unknown> = { ...membersOf(options) };
  for (const key of ['driver', 'replication']) {
    const value = allowed[key];
    if (!isRefusing(value)) continue;
    allowed[key] = originalOf(value);
    if (allowed[key] === undefined) delete allowed[key];
  }
  return allowed as T;
}

/** A `dataSourceFactory` has made, or tries to make, a DataSource without us. */
export function ownDataSourceError(): InvalidOptionsError {
  return new InvalidOptionsError([{ path: 'dataSourceFactory', message: ADVICE }]);
}

const ADVICE =
  'a DataSource that it makes by itself would route nothing, and knows no primary. Return what its second argument makes: dataSourceFactory: (options, create) => create(options).';

const ORIGINAL = Symbol('original');

/** Stands in the place of a value: each member of it is itself, and a call throws, as in `new driver.Pool()`. */
function refusing(original: unknown): object {
  const refuse = (): never => {
    throw ownDataSourceError();
  };
  const target = Object.assign(function refused() {}, { [ORIGINAL]: original, advice: ADVICE });
  const proxy: object = new Proxy(target, {
    get(_target, key) {
      if (key === 'toJSON' || key === 'toString') return () => ADVICE;
      // An await asks for `then`.
      return typeof key === 'symbol' || key === 'then' ? Reflect.get(target, key) : proxy;
    },
    apply: refuse,
    construct: refuse,
  });
  return proxy;
}

function isRefusing(value: unknown): boolean {
  return value === ADVICE || (typeof value === 'function' && ORIGINAL in value);
}

function originalOf(value: unknown): unknown {
  return typeof value === 'function' ? (value as { [ORIGINAL]?: unknown })[ORIGINAL] : undefined;
}
