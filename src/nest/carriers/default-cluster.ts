/** Name of the cluster whose tokens travel without a name. */
export const DEFAULT_CLUSTER = 'default';
