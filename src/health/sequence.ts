let last = 0;

/** Numbers what happens in this process, in its order: a clock stands still for a millisecond, and may be set back. */
export function nextInSequence(): number {
  last += 1;
  return last;
}
