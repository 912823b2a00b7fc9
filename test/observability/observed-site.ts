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
import { SLEEP } from '../database.js';
import { Note } from '../nest/note.js';
import { optionsFor, serve, type Site, type SiteSettings } from '../nest/sites.js';

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
  client(): (path?: string, init?: RequestInit) => Promise<Response>;
}

export async function startObservedSite(
  nodes: PostgresCluster,
  options: Partial<ReplicatedModuleOptions> = {},
  settings: SiteSettings = {},
): Promise<ObservedSite> {
  @Module({ imports: [ReplicatedModule.forFeature([Note])], controllers: [NotesController] })
  class NotesModule {}
  const site = await serve({
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
      let cookie = '';
      return async (path = '', init = {}) => {
        const response = await fetch(`${site.url}/notes${path}`, {
          ...init,
          headers: { ...init.headers, cookie },
        });
        await response.clone().arrayBuffer();
        const set = response.headers.getSetCookie().map((line) => line.split(';')[0] ?? '');
        if (set.length > 0) cookie = set.join('; ');
        return response;
      };
    },
  };
}
