/** See `ProvenPrimary`. Absent before PostgreSQL 13. */
export const XACT_ID_SQL = 'SELECT pg_catalog.pg_current_xact_id_if_assigned()';

/** Whether a server answers {@link XACT_ID_SQL}. */
export const TELLS_XACT_ID_SQL =
  "COALESCE(has_function_privilege(to_regprocedure('pg_catalog.pg_current_xact_id_if_assigned()'), 'EXECUTE'), false)";
