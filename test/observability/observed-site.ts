import { Controller, Get, Module, Post } from '@nestjs/common';
import {
  InjectConnectionSelector,
  InjectReplicatedRepository,
  ReplicatedModule,
  ReplicationCluster,
  UseSlave,
  type ConnectionSelector,
  type QuerySummary,
  type ReplicatedModuleOptions,
  type ReplicatedRepository,
} from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { SLEEP } from '../support/database.js';
import { Browser } from '../support/browser.js';
import { Note } from '../support/note.js';
import { optionsFor, openApp, type Site, type SiteSettings } from '../support/open-app.js';

@Controller('notes')
class NotesController {
  constructor(
    @InjectReplicatedRepository(Note) private readonly notes: ReplicatedRepository<Note>,
    @InjectConnectionSelector() private readonly selector: ConnectionSelector,
  ) {}

  @Get() list(): Promise<Note[]> {
    return this.notes.find({ take: 5 });
  }
  @Get('stale') @UseSlave() stale(): Promise<Note[]> {
    return this.notes.find({ take: 5 });
  }
  @Get('slow') slow(): Promise<unknown> {
    return this.notes.query(`select ${SLEEP}(1)`);
  }
  @Get('running') running(): Promise<unknown> {
    return this.notes.query('SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()');
  }
  @Get('writes') writes(): Promise<Note> {
    return this.notes.save({ text: 'refused' });
  }
  @Get('summary') async summary(): Promise<QuerySummary | undefined> {
    await Promise.all([this.notes.find(), this.notes.primary.find()]);
    await this.selector.run({ intent: 'replica' }, () => this.notes.find());
    return this.selector.summary;
  }
  @Post() create(): Promise<Note> {
    return this.notes.save({ text: 'note' });
  }
}

/** An application that is watched. */
export interface ObservedSite extends Site {
  readonly cluster: ReplicationCluster;
  /** A client that keeps its cookies. */
  client(): (path?: string, init?: Parameters<Browser['fetch']>[1]) => Promise<Response>;
}

export async function startObservedSite(
  nodes: PostgresCluster,
  options: Partial<ReplicatedModuleOptions> = {},
  settings: SiteSettings = {},
): Promise<ObservedSite> {
  @Module({ imports: [ReplicatedModule.forFeature([Note])], controllers: [NotesController] })
  class NotesModule {}
  const site = await openApp({
    ...settings,
    imports: [
      ReplicatedModule.forRoot(
        optionsFor(nodes, { monitor: { intervalMs: 300, timeoutMs: 300 }, ...options }),
      ),
      NotesModule,
      ...(settings.imports ?? []),
    ],
  });
  return {
    ...site,
    cluster: site.app.get(ReplicationCluster),
    client() {
      const browser = new Browser();
      return async (path = '', init = {}) => {
        const response = await browser.fetch(`${site.url}/notes${path}`, init);
        await response.clone().arrayBuffer();
        return response;
      };
    },
  };
}
