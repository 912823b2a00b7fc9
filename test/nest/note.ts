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
    .select('pg_is_in_recovery()', 'isReplica')
    .where('note.id = 1')
    .getRawOne<{ isReplica: boolean }>();
  if (!row) throw new Error('Note 1 is missing: seed the cluster first.');
  return row.isReplica ? 'replica' : 'primary';
}
