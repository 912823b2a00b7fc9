/** TypeORM's texts that run now: several can, on one runner. All others are the application's own. */
export class MadeTexts {
  private readonly running: string[] = [];

  has(text: string): boolean {
    return this.running.includes(text);
  }

  /** `run` begins at once. */
  async during<T>(text: string, run: () => Promise<T>): Promise<T> {
    this.running.push(text);
    try {
      return await run();
    } finally {
      this.running.splice(this.running.indexOf(text), 1);
    }
  }
}
