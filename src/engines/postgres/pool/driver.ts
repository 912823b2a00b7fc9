import type { DataSource } from 'typeorm';

/** TypeORM's driver: it holds a pool. */
export type Driver = DataSource['driver'];
