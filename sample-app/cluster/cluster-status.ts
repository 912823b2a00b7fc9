import { Injectable } from '@nestjs/common';
import { InjectCluster, type NodeSnapshot, type ReplicationCluster } from 'nestjs-replicated';
import type { Condition, Fault } from './breakable-node.js';
import { FiguresService, type Figures } from './figures.js';
import { FaultsService } from './faults.service.js';
import { RequestLog, type LoggedRequest } from './request-log.js';

export interface NodeStatus extends Pick<
  NodeSnapshot,
  'name' | 'role' | 'state' | 'detail' | 'lagMs' | 'lagBytes'
> {
  /** What was done to it; `undefined` for a node of a real cluster. */
  readonly condition: Condition | undefined;
  readonly possibleFaults: readonly Fault[];
}

/** What the side panel shows. */
export interface ClusterStatus {
  readonly nodes: readonly NodeStatus[];
  readonly isReplayPaused: boolean | undefined;
  /** In force, up to a second after it was switched. */
  readonly routing: Pick<ReplicationCluster, 'mode' | 'share'>;
  readonly requests: readonly LoggedRequest[];
  readonly figures: Figures;
}

@Injectable()
export class ClusterStatusService {
  constructor(
    @InjectCluster() private readonly cluster: ReplicationCluster,
    private readonly faults: FaultsService,
    private readonly log: RequestLog,
    private readonly figures: FiguresService,
  ) {}

  read(): ClusterStatus {
    return {
      nodes: this.cluster.nodes.map((node) => this.#describe(node)),
      isReplayPaused: this.faults.isReplayPaused(),
      routing: { mode: this.cluster.mode, share: this.cluster.share },
      requests: this.log.requests,
      figures: this.figures.read(),
    };
  }

  #describe({ name, role, state, detail, lagMs, lagBytes }: NodeSnapshot): NodeStatus {
    const { condition, possibleFaults = [] } = this.faults.find(name) ?? {};
    return { name, role, state, detail, lagMs, lagBytes, condition, possibleFaults };
  }
}
