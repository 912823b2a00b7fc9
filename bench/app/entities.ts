import { Column, Entity, EntitySchema, PrimaryColumn, PrimaryGeneratedColumn, VirtualColumn } from 'typeorm';

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

/** So many tables with ten columns each, which point at the one before them. */
export function manyTables(length: number): readonly EntitySchema[] {
  const columns = Array.from({ length: 9 }, (_, at) => [`column${at}`, { type: 'text', nullable: true }]);
  const parent = (index: number) => ({ type: 'many-to-one', target: `Table${index - 1}` });
  return Array.from({ length }, (_, index) => {
    return new EntitySchema<object>({
      name: `Table${index}`,
      columns: {
        id: { type: 'int', primary: true, generated: true },
        ...Object.fromEntries(columns),
      } as never,
      relations: (index === 0 ? {} : { parent: parent(index) }) as never,
    });
  });
}
