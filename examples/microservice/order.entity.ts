import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

@Entity()
export class Order {
  @PrimaryGeneratedColumn() id!: number;
  @Column('text') item!: string;
}

/** What travels between the services: with the token, its receiver finds the order on a replica, or on the primary. */
export interface OrderPlaced {
  readonly id: number;
  readonly token: string | undefined;
}
