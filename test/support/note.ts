import { isPostgres } from './database.js';
import { Column, Entity, PrimaryGeneratedColumn, type Repository } from 'typeorm';

@Entity()
export class Note {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  text!: string;
}

/** Which kind of server really answers a read of this repository. */
export async function serverOf(notes: Repository<Note>): Promise<'primary' | 'replica'> {
  const row = await notes
    .createQueryBuilder('note')
    .select(isPostgres ? 'pg_is_in_recovery()' : '@@read_only', 'isReplica')
    .where('note.id = 1')
    .getRawOne<{ isReplica: boolean | string }>();
  if (!row) throw new Error('Note 1 is missing: seed the cluster first.');
  // MariaDB answers '0' and '1'.
  return Number(row.isReplica) === 1 ? 'replica' : 'primary';
}
