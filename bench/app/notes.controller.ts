import { Controller, Get, HttpCode, Inject, Param, Post, Redirect } from '@nestjs/common';
import { Gate } from './gate.js';
import { NotesService, VersionsService } from './notes.service.js';

/** One query per request, so that what surrounds the query shows. */
@Controller('notes')
export class NotesController {
  constructor(
    @Inject(NotesService) private readonly notes: NotesService,
    @Inject(Gate) private readonly gate: Gate,
  ) {}

  @Get(':id')
  one(@Param('id') id: string) {
    return this.notes.find(Number(id));
  }

  @Get(':id/held')
  async held(@Param('id') id: string) {
    const note = await this.notes.find(Number(id));
    await this.gate.pass();
    return note;
  }

  @Post()
  add() {
    return this.notes.add();
  }

  @Post('saved')
  save() {
    return this.notes.save();
  }
}

/** A form that is posted and redirects to what it has changed. */
@Controller('versions')
export class VersionsController {
  constructor(@Inject(VersionsService) private readonly versions: VersionsService) {}

  @Get(':id')
  one(@Param('id') id: string) {
    return this.versions.find(Number(id));
  }

  @Post(':id/:version')
  @HttpCode(303)
  @Redirect()
  async write(@Param('id') id: string, @Param('version') version: string) {
    await this.versions.write(Number(id), version);
    return { url: `/versions/${id}`, statusCode: 303 };
  }
}
