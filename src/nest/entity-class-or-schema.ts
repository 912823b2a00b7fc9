import type { Type } from '@nestjs/common';
import type { EntitySchema } from 'typeorm';

/** An entity's class, or its schema. */
export type EntityClassOrSchema = Type | EntitySchema;
