/** Name of the cluster that is meant when none is given. Its tokens travel without a name. */
export const DEFAULT_CLUSTER = 'default';
