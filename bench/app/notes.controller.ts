import { Controller, Get, HttpCode, Param, Post, Redirect } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { Note, Version } from './entities.js';

/** One query per request, so that what surrounds the query shows. */
@Controller('notes')
export class NotesController {
  constructor(@InjectRepository(Note) private readonly notes: Repository<Note>) {}

  @Get(':id')
  one(@Param('id') id: string) {
    return this.notes.findOneBy({ id: Number(id) });
  }

  @Post()
  async add() {
    const { identifiers } = await this.notes.insert({ title: 'A note', text: 'Written by a benchmark.' });
    return identifiers[0];
  }
}

/** A form that is posted and redirects to what it has changed. */
@Controller('versions')
export class VersionsController {
  constructor(@InjectRepository(Version) private readonly versions: Repository<Version>) {}

  @Get(':id')
  async one(@Param('id') id: string) {
    const { version, port } = await this.versions.findOneByOrFail({ id: Number(id) });
    return { version: Number(version), port };
  }

  @Post(':id/:version')
  @HttpCode(303)
  @Redirect()
  async write(@Param('id') id: string, @Param('version') version: string) {
    await this.versions.update({ id: Number(id) }, { version });
    return { url: `/versions/${id}`, statusCode: 303 };
  }
}
