import { STATUS_CODES } from 'node:http';
import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import { readVisitor } from '../visitors/visitor-cookie.js';
import { html } from './html.js';
import { PageFrame } from './page-frame.js';
import { Page } from './page.js';

/** Errors as pages, for people who cannot do anything with a stack trace. */
@Catch()
export class ErrorPageFilter implements ExceptionFilter {
  private readonly logger = new Logger(ErrorPageFilter.name);

  constructor(private readonly frame: PageFrame) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    const status = statusOf(error);
    if (status === 500) this.logger.error(error);
    const title = `${status} ${STATUS_CODES[status] ?? ''}`;
    const body = html`<section class="card error">
      <h2>${title}</h2>
      ${messagesOf(error, status).map((message) => html`<p>${message}</p>`)}
      <p><a href="/">Back to the guestbook</a></p>
    </section>`;
    response.status(status).send(this.frame.render(new Page(title, body), readVisitor(request)));
  }
}

/** Nest's exceptions, the library's 503, and those of Express' body parser have a status. */
function statusOf(error: unknown): number {
  const { status } = error instanceof Error ? (error as { status?: unknown }) : {};
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}

function messagesOf(error: unknown, status: number): readonly string[] {
  if (status === 503) return ['The database cannot be reached at the moment. Please try again in a second.'];
  if (status >= 500) return ['Something went wrong on our side. It has been logged.'];
  if (!(error instanceof HttpException)) return ['That was not a request this guestbook understands.'];
  const response = error.getResponse();
  const message = typeof response === 'object' && 'message' in response ? response.message : error.message;
  return [message].flat().map(String);
}
