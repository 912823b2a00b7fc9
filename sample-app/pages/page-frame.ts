import { Injectable } from '@nestjs/common';
import { InjectConnectionSelector, type ConnectionSelector } from 'nestjs-replicated';
import { clusterPanel } from '../cluster/cluster-panel.js';
import { ClusterStatusService } from '../cluster/cluster-status.js';
import { html, type Html } from './html.js';
import type { Page } from './page.js';

/** What all pages have in common: header, side panel, and which node answered. */
@Injectable()
export class PageFrame {
  constructor(
    @InjectConnectionSelector() private readonly selector: ConnectionSelector,
    private readonly cluster: ClusterStatusService,
  ) {}

  render({ title, body }: Page, visitor: string | undefined): string {
    const panel = clusterPanel(this.cluster.read(), this.selector.route);
    return html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <title>${title}</title>
          <link rel="icon" href="/icon.svg" />
          <link rel="stylesheet" href="/guestbook.css" />
          <script type="module" src="/guestbook.js"></script>
        </head>
        <body>
          <header>
            <h1><a href="/">Guestbook</a></h1>
            ${visitorForm(visitor)}
          </header>
          <div class="columns">
            <main>${body}</main>
            ${panel}
          </div>
        </body>
      </html>`.toString();
  }
}

function visitorForm(visitor: string | undefined): Html {
  if (visitor === undefined) {
    return html`<form class="visitor" method="post" action="/sign-in">
      <input
        name="name"
        required
        maxlength="40"
        aria-label="Your name"
        placeholder="Your name"
        autocomplete="nickname"
      />
      <button>Sign in</button>
    </form>`;
  }
  return html`<form class="visitor" method="post" action="/sign-out">
    <span>Signed in as <strong>${visitor}</strong></span>
    <button class="quiet">Sign out</button>
  </form>`;
}
