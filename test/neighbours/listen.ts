import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

/** An application that answers over HTTP. */
export interface RunningApplication {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts an application as its `main.ts` would. */
export async function listen(
  module: Type,
  prepare: (app: INestApplication) => void = () => undefined,
): Promise<RunningApplication> {
  const app = await NestFactory.create(module, { logger: false, abortOnError: false });
  prepare(app);
  await app.listen(0, '127.0.0.1');
  return { url: await app.getUrl(), close: () => app.close() };
}
