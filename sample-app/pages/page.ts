import type { Html } from './html.js';

/** What a handler returns; the `PageInterceptor` puts the frame around it. */
export class Page {
  constructor(
    readonly title: string,
    readonly body: Html,
  ) {}
}
