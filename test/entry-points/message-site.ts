import { Controller, Get, type ModuleMetadata } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import {
  ChangesDatabase,
  ConnectionSelector,
  InjectConnectionSelector,
  InjectReplicatedRepository,
  ReplicatedModule,
  ReplicatedRepository,
  UseSlave,
} from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { defer, type Observable } from 'rxjs';
import { Note, serverOf } from '../support/note.js';
import { optionsFor } from '../support/open-app.js';

/** What a handler has seen. */
export interface Seen {
  readonly server: string;
  readonly notes: number;
  readonly token?: string | undefined;
}

interface Message {
  readonly token?: string;
}

@Controller()
class MessagesController {
  constructor(
    @InjectReplicatedRepository(Note) private readonly notes: ReplicatedRepository<Note>,
    @InjectConnectionSelector() private readonly selector: ConnectionSelector,
  ) {}

  @Get('here')
  @MessagePattern('plain')
  plain() {
    return this.look();
  }

  @MessagePattern('slave')
  @UseSlave()
  slave() {
    return this.look();
  }

  @MessagePattern('slave-writes')
  @UseSlave()
  slaveWrites() {
    return this.notes.save({ text: 'refused' }).catch((error: Error) => ({ server: error.name, notes: 0 }));
  }

  @MessagePattern('own-writes')
  @UseSlave({ token: (message: Message) => message.token })
  ownWrites(@Payload() _message: Message) {
    return this.look();
  }

  @MessagePattern('run')
  run(@Payload() { token }: Message) {
    return this.selector.run({ intent: 'replica', token }, () => this.look());
  }

  @MessagePattern('write')
  @ChangesDatabase()
  async write() {
    await this.notes.save({ text: 'by message' });
    return { ...(await this.look()), token: await this.selector.token() };
  }

  @MessagePattern('stream')
  @UseSlave()
  stream(): Observable<Seen> {
    return defer(() => this.look());
  }

  @MessagePattern('promised-stream')
  @UseSlave()
  async promisedStream(): Promise<Observable<Seen>> {
    return this.stream();
  }

  @EventPattern('noted')
  async noted(@Payload() { text }: { text: string }) {
    await this.notes.save({ text });
  }

  private async look(): Promise<Seen> {
    return { server: await serverOf(this.notes), notes: await this.notes.count() };
  }
}

@Controller()
@UseSlave()
class ReportsController {
  constructor(@InjectReplicatedRepository(Note) private readonly notes: ReplicatedRepository<Note>) {}

  @MessagePattern('class-slave')
  async report(): Promise<Seen> {
    return { server: await serverOf(this.notes), notes: await this.notes.count() };
  }
}

/** A module whose handlers answer messages with the servers they have read. */
export function messageModule(cluster: PostgresCluster): ModuleMetadata {
  return {
    imports: [ReplicatedModule.forRoot(optionsFor(cluster)), ReplicatedModule.forFeature([Note])],
    controllers: [MessagesController, ReportsController],
  };
}
