export { auditHandlers, type AuditOptions } from './audit-handlers.js';
export type { AuditedHandler, AuditedKind } from './audited-handler.js';
