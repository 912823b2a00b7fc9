import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity()
export class Counter {
  @PrimaryColumn({ type: 'varchar', length: 20 })
  name!: string;

  @Column({ type: 'integer' })
  value!: number;
}
