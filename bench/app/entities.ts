import { Column, Entity, PrimaryGeneratedColumn, PrimaryColumn, VirtualColumn } from 'typeorm';

/** What the overhead is measured with. */
@Entity()
export class Note {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  title!: string;

  @Column('text')
  text!: string;

  @Column({ type: Date, default: () => 'now()' })
  writtenAt!: Date;
}

/** A row whose version only grows, so that a reader can tell how old what it got is. */
@Entity()
export class Version {
  @PrimaryColumn('int')
  id!: number;

  @Column('bigint', { default: 0 })
  version!: string;

  /** The server that answered, by its port: in the row itself, so that all variants are counted alike. */
  @VirtualColumn('int', { query: () => 'SELECT inet_server_port()' })
  port!: number;
}

export const ENTITIES = [Note, Version];
