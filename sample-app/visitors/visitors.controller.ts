import { Body, Controller, Get, Post, Redirect, Res } from '@nestjs/common';
import type { Response } from 'express';
import { ChangesDatabase } from 'nestjs-replicated';
import { html } from '../pages/html.js';
import { Page } from '../pages/page.js';
import { VISITOR_COOKIE, VISITOR_COOKIE_OPTIONS } from './visitor-cookie.js';
import { signInSchema, type SignIn } from './visitors.schemas.js';
import { VisitsService } from './visits.service.js';

@Controller()
export class VisitorsController {
  constructor(private readonly visits: VisitsService) {}

  @Post('sign-in')
  @Redirect('/', 303)
  signIn(
    @Body({ schema: signInSchema }) { name }: SignIn,
    @Res({ passthrough: true }) response: Response,
  ): void {
    response.cookie(VISITOR_COOKIE, name, VISITOR_COOKIE_OPTIONS);
  }

  @Post('sign-out')
  @Redirect('/', 303)
  signOut(@Res({ passthrough: true }) response: Response): void {
    response.clearCookie(VISITOR_COOKIE, VISITOR_COOKIE_OPTIONS);
  }

  /** A GET that writes: without the decorator it would read a replica, and the write would be refused. */
  @Get('visit')
  @ChangesDatabase()
  async visit(): Promise<Page> {
    const count = await this.visits.add();
    return new Page(
      'Your visit',
      html`<section class="card visit">
        <p>You are visitor number</p>
        <p class="visit-count">${count}</p>
        <p><a href="/">Back to the guestbook</a></p>
      </section>`,
    );
  }
}
