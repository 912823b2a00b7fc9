import { Inject, Injectable } from '@nestjs/common';
import type { Repository } from 'typeorm';
import type { Note, Version } from './entities.js';
import { NOTES, VERSIONS } from './tokens.js';

/** Between the controller and the repository, as in most applications. */
@Injectable()
export class NotesService {
  constructor(@Inject(NOTES) private readonly notes: Repository<Note>) {}

  find(id: number) {
    return this.notes.findOneBy({ id });
  }

  async add() {
    const { identifiers } = await this.notes.insert({ title: 'A note', text: 'Written by a benchmark.' });
    return identifiers[0];
  }

  async save() {
    const { id } = await this.notes.save({ title: 'A note', text: 'Saved by a benchmark.' });
    return { id };
  }
}

@Injectable()
export class VersionsService {
  constructor(@Inject(VERSIONS) private readonly versions: Repository<Version>) {}

  async find(id: number) {
    const { version, port } = await this.versions.findOneByOrFail({ id });
    return { version: Number(version), port };
  }

  async write(id: number, version: string) {
    await this.versions.update({ id }, { version });
  }
}
