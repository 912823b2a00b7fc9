import type { CapturedPosition, Position } from '../position.js';
import type { Engine } from '../engine.js';
import type { Scope } from '../context/scope.js';
import { storage } from '../context/storage.js';
import type { Failures } from '../cluster/routing/failures.js';
import type { HiddenServers } from '../cluster/nodes/hidden-servers.js';
import type { Lease } from '../cluster/nodes/lease.js';
import type { PrimaryWait } from '../cluster/watch/primary-wait.js';
import type { ReadRecorder } from '../cluster/tokens/read-recorder.js';
import type { Router, Want } from '../cluster/routing/router.js';
import type { WriteRecorder } from '../cluster/tokens/write-recorder.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import type { Intent } from '../routing/route.js';
import type { ReplicaWritePolicy } from './replica-write-policy.js';

/** What a routed cluster is made of. */
export interface RoutedClusterDeps {
  readonly options: ResolvedOptions;
  readonly engine: Engine;
  readonly router: Router;
  readonly failures: Failures;
  readonly writes: WriteRecorder;
  readonly reads: ReadRecorder;
  readonly hidden: HiddenServers;
  readonly policy: ReplicaWritePolicy;
  readonly watch: { readonly primaryWait: PrimaryWait };
}

/** What query runners and managers of a routed DataSource ask. */
export class RoutedCluster {
  readonly options: ResolvedOptions;
  readonly engine: Engine;
  readonly router: Router;
  readonly failures: Failures;
  readonly policy: ReplicaWritePolicy;
  /** For what could not be sent. */
  readonly primaryWait: PrimaryWait;

  constructor(private readonly deps: RoutedClusterDeps) {
    this.options = deps.options;
    this.engine = deps.engine;
    this.router = deps.router;
    this.failures = deps.failures;
    this.policy = deps.policy;
    this.primaryWait = deps.watch.primaryWait;
  }

  get defaultIsolation(): unknown {
    return this.options.dataSource['isolationLevel'];
  }

  /** What a query made here and now wants. */
  wantNow(pin: Intent | undefined): Want {
    return this.router.wantOf(storage.getStore(), pin);
  }

  wantsPosition(want: Want): boolean {
    return this.deps.writes.wantsPosition(writerOf(want));
  }

  /** Whether what is written belongs to a unit of work. */
  isInUnit(want: Want): boolean {
    return writerOf(want) !== undefined;
  }

  noteWrite(want: Want, captured: CapturedPosition | undefined, isGuess: boolean): void | Promise<void> {
    const scope = writerOf(want);
    this.policy.noteWrite(scope === want.scope ? want : { ...want, scope }, isGuess);
    return this.deps.writes.note(scope, captured);
  }

  /**
   * Whether what the choice was made by holds for this very connection: its server was not started anew meanwhile, and
   * has what the client's token demands, where an address hides several.
   */
  isFreshEnough(lease: Lease, connection: unknown): boolean | Promise<boolean> {
    if (lease.isOutdated) return false;
    return lease.node.endpoint.kind === 'server' || this.deps.hidden.isFreshEnough(lease, connection);
  }

  /** Whether a position must be taken behind what was read on a lease (monotonic reads). */
  wantsReadPosition({ scope }: Want, { node }: Lease): boolean {
    return this.deps.reads.isAwake && this.deps.reads.wantsPosition(scope, node);
  }

  noteRead({ scope }: Want, { node }: Lease, position: Position | undefined): void | Promise<void> {
    if (scope && position !== undefined) return this.deps.reads.note(scope, node, position);
  }

  noteTransaction({ work }: Want, isOpen: boolean): void {
    if (work) work.openTransactions += isOpen ? 1 : -1;
  }
}

/** A runner that was made outside of any unit, such as at the start, writes for the unit that uses it. */
function writerOf({ scope }: Want): Scope | undefined {
  return scope ?? storage.getStore();
}
