import { Store, type SessionData } from 'express-session';
import { Column, Entity, PrimaryColumn, type DataSource } from 'typeorm';
import { sqlOf } from '../../support/database.js';

@Entity()
export class StoredSession {
  @PrimaryColumn() id!: string;
  @Column({ type: sqlOf<'jsonb' | 'json'>({ postgres: 'jsonb', mariadb: 'json' }) }) data!: SessionData;
}

type Answer<T> = (error: unknown, value?: T) => void;

/** A session store as libraries ship them: it knows TypeORM, and nothing of replicas. */
export class TypeormStore extends Store {
  constructor(private readonly dataSource: DataSource) {
    super();
  }

  override get(id: string, answer: Answer<SessionData | null>): void {
    this.sessions.findOneBy({ id }).then((found) => answer(undefined, found?.data ?? null), answer);
  }

  override set(id: string, data: SessionData, answer: Answer<void> = () => undefined): void {
    this.sessions.upsert({ id, data: data as object }, ['id']).then(() => answer(undefined), answer);
  }

  override touch(id: string, data: SessionData, answer?: () => void): void {
    this.set(id, data, answer);
  }

  override destroy(id: string, answer: Answer<void> = () => undefined): void {
    this.sessions.delete({ id }).then(() => answer(undefined), answer);
  }

  private get sessions() {
    return this.dataSource.getRepository(StoredSession);
  }
}
