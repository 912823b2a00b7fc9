/**
 * What happens to a write under replica intent. `'allow'`: nothing, since all goes to the primary in this mode.
 * `'promote-silently'`: the handler is not known yet, so nobody can say that the write is wrong.
 */
export type OnWrite = 'allow' | 'reject' | 'promote' | 'promote-silently';
