import type { Engine } from '../engine.js';
import type { Failures } from '../cluster/routing/failures.js';
import type { HiddenServers } from '../cluster/nodes/hidden-servers.js';
import type { PrimaryWait } from '../cluster/watch/primary-wait.js';
import type { ReadRecorder } from '../cluster/tokens/read-recorder.js';
import type { Rollout } from '../cluster/routing/rollout.js';
import type { Router } from '../cluster/routing/router.js';
import type { Sleep } from '../cluster/watch/sleep.js';
import type { Verification } from '../cluster/tokens/verification.js';
import type { WriteRecorder } from '../cluster/tokens/write-recorder.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import type { ReplicaWritePolicy } from './replica-write-policy.js';

/** What query runners and managers of a routed DataSource ask. */
export interface RoutedCluster {
  readonly options: ResolvedOptions;
  readonly engine: Engine;
  readonly router: Router;
  readonly rollout: Rollout;
  readonly failures: Failures;
  readonly writes: WriteRecorder;
  readonly reads: ReadRecorder;
  readonly hidden: HiddenServers;
  /** `undefined`: nothing is verified. */
  readonly verification: Verification | undefined;
  readonly policy: ReplicaWritePolicy;
  /** Where what could not be sent waits for a primary. */
  readonly primaryWait: PrimaryWait;
  /** Of the monitor; `undefined`: it never sleeps. */
  readonly sleep: Sleep | undefined;
}
