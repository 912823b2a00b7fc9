import { z } from 'zod';
import { FAULTS } from './breakable-node.js';

export const faultSchema = z.object({ node: z.string(), fault: z.enum(FAULTS) });
export const replaySchema = z.object({ fault: z.enum(['pause-replay', 'resume-replay']) });

export const routingSchema = z.object({
  mode: z.enum(['route', 'observe', 'primary-only']).optional(),
  share: z.coerce.number().min(0).max(1).optional(),
});

export type RoutingOrder = z.infer<typeof routingSchema>;
export type FaultOrder = z.infer<typeof faultSchema>;
export type ReplayOrder = z.infer<typeof replaySchema>;
