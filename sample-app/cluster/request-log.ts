import { Injectable } from '@nestjs/common';
import type { Route } from 'nestjs-replicated';

/** One request, and which server answered it. */
export interface LoggedRequest extends Route {
  readonly id: number;
  readonly visitor: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** How far the node was behind; `undefined` when not known. */
  readonly lagMs: number | undefined;
  readonly tookMs: number;
}

const KEPT = 10;

/** The last requests, newest first. */
@Injectable()
export class RequestLog {
  #lastId = 0;
  #requests: readonly LoggedRequest[] = [];

  get requests(): readonly LoggedRequest[] {
    return this.#requests;
  }

  add(request: Omit<LoggedRequest, 'id'>): void {
    this.#requests = [{ ...request, id: ++this.#lastId }, ...this.#requests].slice(0, KEPT);
  }
}
