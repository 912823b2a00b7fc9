import { z } from 'zod';

export const signInSchema = z.object({
  name: z
    .string('Your name is missing.')
    .trim()
    .min(1, 'Your name is empty. Any name will do.')
    .max(40, 'Your name is longer than 40 characters. Please shorten it.')
    .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'Your name contains a character that cannot be stored.'),
});

export type SignIn = z.infer<typeof signInSchema>;
