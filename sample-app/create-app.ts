import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import { AppModule } from './app.module.js';
import type { Database } from './cluster/database.js';

/** The guestbook, ready to listen. `publicFolder`: where its style sheet and script are. */
export async function createApp(database: Database, publicFolder: string): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.on(database), {
    logger: ['error', 'warn'],
    forceCloseConnections: true, // browsers keep theirs open, and would hold up the shutdown
    abortOnError: false,
  });
  app.disable('x-powered-by');
  app.use(secureHeaders);
  app.useStaticAssets(publicFolder);
  return app;
}

function secureHeaders(_request: Request, response: Response, next: NextFunction): void {
  response.setHeader('Content-Security-Policy', "default-src 'self'; frame-ancestors 'none'");
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'same-origin');
  response.setHeader('Cache-Control', 'private, no-cache'); // every visitor sees another page
  next();
}
