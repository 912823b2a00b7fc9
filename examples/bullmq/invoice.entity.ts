import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

@Entity()
export class Invoice {
  @PrimaryGeneratedColumn() id!: number;
  @Column('text') text!: string;
}

/** A job: with the token, the worker finds the invoice on a replica, or on the primary. */
export interface PrintJob {
  readonly id: number;
  readonly token: string | undefined;
}
