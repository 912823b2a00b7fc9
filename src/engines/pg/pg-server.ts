import type { ProberTerms, ServerIdentity } from '../../connector.js';
import type { Engine } from '../../engine.js';
import type { ReadOnlyMeans } from '../../options/options.js';
import type { DriverOptions } from '../../options/resolved-options.js';
import type { CapturedPosition, History } from '../../position.js';
import type { RunStatement, TypeormProberDeps } from '../pool/typeorm-prober.js';
import type { Backend, RawRow } from './internals.js';

/** What makes a server the primary. */
export interface PrimaryTerms {
  /** A server that can be written on an older one is a former primary. */
  readonly newestHistory: () => History | undefined;
  /** Whether it has to be. @default always */
  readonly isPrimary?: () => boolean;
}

/** What is to be known of, and done with, connections that read. */
export interface ReadSessionTerms {
  readonly means: ReadOnlyMeans;
  /** Told of every new connection, before it is used. */
  readonly onIdentity: (identity: ServerIdentity) => void;
  /** Told when the server of a connection says that it is no standby any more, or one now: a hint, not a proof. */
  readonly onRoleHint: () => void;
}

/** How a node is asked what it is. */
export type Probing = Pick<TypeormProberDeps, 'probe' | 'probeRole' | 'refusesToTell'> &
  Partial<Pick<TypeormProberDeps, 'learn' | 'onModest'>>;

/** What the connector must know of a database that is spoken to by node-postgres. */
export interface PgServer {
  /** Options for sessions of which every new connection proves that it has reached the primary, where it has to be that. */
  primarySession(options: DriverOptions, terms: PrimaryTerms): DriverOptions;
  /** Options for sessions that write nothing, the one to try first at the start, and others for servers that refuse it. */
  readOnlySessions(
    options: DriverOptions,
    terms: ReadSessionTerms,
  ): readonly [DriverOptions, ...DriverOptions[]];
  /** Options with which every new connection says which server it has reached. */
  identifiedSession(options: DriverOptions, onIdentity: ReadSessionTerms['onIdentity']): DriverOptions;
  createProbe(terms: Pick<ProberTerms, 'onWeakness' | 'onDefaults'>): Probing;
  readonly classify: Engine['classify'];
  /** Whether a server has a backend at work; `undefined`: another server has answered. Absent: it cannot be asked. */
  askWhetherAtWork?(backend: Backend, run: RunStatement): Promise<boolean | undefined>;
}

/** How a connection that writes asks for the place that replicas must reach to show what was committed. */
export interface PositionQuestion {
  /** To be asked right after a commit. */
  readonly sql: string;
  /** Whether the position alone is left to ask for, so that any connection to the same server can. */
  readonly isAllElseKnown: boolean;
  /** Reads the row of the answer. */
  read(row: RawRow | undefined): CapturedPosition | undefined;
}
