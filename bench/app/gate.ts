import { Injectable } from '@nestjs/common';

/** Holds requests until it is opened, so that many of them are in flight at the same time. */
@Injectable()
export class Gate {
  held = 0;
  private opened!: Promise<void>;
  private release!: () => void;

  constructor() {
    this.close();
  }

  async pass(): Promise<void> {
    this.held += 1;
    await this.opened;
  }

  open(): void {
    this.release();
    this.held = 0;
    this.close();
  }

  private close(): void {
    this.opened = new Promise((resolve) => (this.release = resolve));
  }
}
