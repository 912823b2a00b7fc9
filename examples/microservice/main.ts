import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { transport } from './transport.js';

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.connectMicroservice(transport); // both services in one process, which two may be as well
await app.startAllMicroservices();
await app.listen(process.env['PORT'] ?? 3000);
