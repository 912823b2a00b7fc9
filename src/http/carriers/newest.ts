/**
 * Merges texts of tokens to the shortest that demands the same as all of them (`mergeTexts` with the keys, the clock
 * and the life of tokens filled in). Merging what is merged already returns the same string. The last text is the one that
 * was just sealed; alone, it stays as it is.
 */
export type Newest = (texts: readonly string[]) => string;
