interface Question {
  readonly id: number;
  readonly question: string;
  readonly input: unknown;
}

/** The child's side: answers questions by name. The process ends with its parent. */
export function answer(handlers: Readonly<Record<string, (input: never) => unknown>>): void {
  process.on('message', ({ id, question, input }: Question) => {
    void Promise.resolve()
      .then(() => handlers[question]?.(input as never))
      .then((value) => process.send?.({ id, value }))
      .catch((error: Error) => process.send?.({ id, error: error.stack ?? error.message }));
  });
  process.on('disconnect', () => process.exit());
}
