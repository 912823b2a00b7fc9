import { Injectable } from '@nestjs/common';
import { InjectReplicatedRepository, ReplicatedRepository } from 'nestjs-replicated';
import { Note, serverOf } from '../support/note.js';

/** What a piece of work has seen. */
export interface Sight {
  readonly server: string;
  readonly notes: number;
}

/** Reads and writes notes, wherever it is called. */
@Injectable()
export class Reader {
  constructor(@InjectReplicatedRepository(Note) readonly notes: ReplicatedRepository<Note>) {}

  async look(): Promise<Sight> {
    return { server: await serverOf(this.notes), notes: await this.notes.count() };
  }

  write(text: string): Promise<unknown> {
    return this.notes.save({ text });
  }
}
