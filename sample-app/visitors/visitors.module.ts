import { Module } from '@nestjs/common';
import { ReplicatedModule } from 'nestjs-replicated';
import { Counter } from './counter.entity.js';
import { VisitorsController } from './visitors.controller.js';
import { VisitsService } from './visits.service.js';

@Module({
  imports: [ReplicatedModule.forFeature([Counter])],
  controllers: [VisitorsController],
  providers: [VisitsService],
  exports: [VisitsService],
})
export class VisitorsModule {}
