/**
 * The number of the transaction that asks, which the server gives it when it first writes: whatever has written, a function
 * or a trigger, and whatever the text looks like. Absent before PostgreSQL 13.
 */
export const XACT_ID_SQL = 'SELECT pg_catalog.pg_current_xact_id_if_assigned()';

/** Whether a server answers {@link XACT_ID_SQL}: asked inside a transaction of the application, it must not fail. */
export const TELLS_XACT_ID_SQL =
  "COALESCE(has_function_privilege(to_regprocedure('pg_catalog.pg_current_xact_id_if_assigned()'), 'EXECUTE'), false)";
