import { EntityNotFoundError, type ObjectLiteral, type Repository } from 'typeorm';
import { storage } from '../context/storage.js';
import { UnitOfWork } from '../context/unit-of-work.js';
import { UnavailableError } from '../errors.js';
import { nextInSequence } from '../health/probe-loop.js';
import { dataSourceOf } from './data-source-view.js';
import { RoutedDataSource } from './routed-data-source.js';

/** Look-ups whose answer may be empty, in TypeORM 0.3 and 1.x. */
const LOOK_UPS = [
  'findOne',
  'findOneBy',
  'findOneById',
  'findOneOrFail',
  'findOneByOrFail',
  'exist',
  'exists',
  'existsBy',
] as const;

type Methods = Partial<Record<string, (this: unknown, ...args: unknown[]) => Promise<unknown>>>;

/**
 * The same repository, which asks the primary once more for what a replica has not found. Made when asked for, as the
 * other views are.
 */
export function orPrimaryOf<R extends Repository<ObjectLiteral>>(repository: R): R {
  const view = Object.create(repository) as R;
  for (const name of LOOK_UPS) {
    const find = (repository as unknown as Methods)[name];
    if (!find) continue;
    const value = (...args: unknown[]) => lookUp(repository, (on) => find.apply(on, args));
    Object.defineProperty(view, name, { value });
  }
  return view;
}

type Find = (on: Repository<ObjectLiteral>) => Promise<unknown>;

async function lookUp(repository: Repository<ObjectLiteral>, find: Find): Promise<unknown> {
  const { manager } = repository;
  const dataSource = dataSourceOf(manager);
  const outer = storage.getStore();
  // Outside of units the primary is asked anyway, and a transaction sees one state.
  if (!outer || manager.queryRunner || !(dataSource instanceof RoutedDataSource)) return find(repository);
  const { routed } = dataSource.composed;
  const since = nextInSequence();
  // A unit of its own knows where this look-up was answered, whatever runs beside it.
  const unit = new UnitOfWork({ kind: 'run' }, outer.unit);
  const found = await outcomeOf(() => storage.run({ unit, outer }, () => find(repository)));
  const { route } = unit.on(routed.options.name);
  if (!found.isEmpty || !route || !routed.router.permits.mayAskPrimary(route, since)) return found.answer();
  routed.failures.noteRetry('empty', route);
  const again = Object.create(repository, {
    manager: { value: dataSource.askedAgain.manager },
  }) as Repository<ObjectLiteral>;
  const second = await outcomeOf(() => find(again));
  return second.error instanceof UnavailableError ? found.answer() : second.answer();
}

/** What a look-up has answered, or failed with. */
interface Outcome {
  readonly isEmpty: boolean;
  readonly error?: unknown;
  /** For the caller. */
  answer(): unknown;
}

async function outcomeOf(find: () => Promise<unknown>): Promise<Outcome> {
  try {
    const answer = await find();
    return { isEmpty: answer === null || answer === undefined || answer === false, answer: () => answer };
  } catch (error) {
    const answer = (): never => {
      throw error;
    };
    return { isEmpty: error instanceof EntityNotFoundError, error, answer };
  }
}
