import type { getRepositoryToken } from '@nestjs/typeorm';

/** An entity's class, or its schema: whatever @nestjs/typeorm takes. */
export type EntityClassOrSchema = Parameters<typeof getRepositoryToken>[0];
