import { z } from 'zod';
import { FAULTS } from './breakable-node.js';

export const faultSchema = z.object({ node: z.string(), fault: z.enum(FAULTS) });
export const replaySchema = z.object({ fault: z.enum(['pause-replay', 'resume-replay']) });

export type FaultOrder = z.infer<typeof faultSchema>;
export type ReplayOrder = z.infer<typeof replaySchema>;
