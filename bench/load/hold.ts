import { Pool } from 'undici';

/** Requests which the server keeps in flight until its gate is opened. */
export class Held {
  private readonly pool: Pool;
  private readonly answers: Promise<unknown>[];

  constructor({ port, requests }: { port: number; requests: number }) {
    this.pool = new Pool(`http://127.0.0.1:${port}`, { connections: requests });
    this.answers = Array.from({ length: requests }, async () => {
      const { body } = await this.pool.request({ method: 'GET', path: '/notes/1/held' });
      await body.dump();
    });
  }

  async end(): Promise<void> {
    await Promise.all(this.answers);
    await this.pool.close();
  }
}
