import { z } from 'zod';

const text = (what: string) =>
  z
    .string(`${what} is missing.`)
    .trim()
    .min(1, `${what} is empty. Write a few words.`)
    .max(500, `${what} is longer than 500 characters. Please shorten it.`)
    // PostgreSQL cannot store this character.
    .refine((value) => !value.includes('\0'), `${what} contains a character that cannot be stored.`);

export const entrySchema = z.object({ text: text('Your text') });
export const searchSchema = z.object({ text: text('The text to search for') });

/** The largest id that the database's integer type knows. */
const id = z.coerce.number().int().min(1).max(2_147_483_647);

export const idSchema = z.object({ id });
export const olderSchema = z.object({ before: id.optional().catch(undefined) });

export type Entry = z.infer<typeof entrySchema>;
export type Search = z.infer<typeof searchSchema>;
export type PostId = z.infer<typeof idSchema>;
export type Older = z.infer<typeof olderSchema>;
