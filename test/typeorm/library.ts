import {
  ChildEntity,
  Column,
  CreateDateColumn,
  DeleteDateColumn,
  Entity,
  EventSubscriber,
  Index,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  OneToOne,
  JoinColumn,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  RelationId,
  TableInheritance,
  UpdateDateColumn,
  VersionColumn,
  VirtualColumn,
  type EntitySubscriberInterface,
  type MigrationInterface,
  type QueryRunner,
  type Relation,
} from 'typeorm';
import { COUNT, isPostgres, sqlOf } from '../support/database.js';
import { BestSeller, CATEGORIES, Country } from './more-entities.js';
import { Author, Book, Label } from './shop.js';

class Address {
  @Column({ default: '' }) street!: string;
  @Column({ default: '' }) town!: string;
}

@Entity()
@TableInheritance({ column: { type: 'varchar', name: 'kind' } })
export class Person {
  @PrimaryGeneratedColumn('uuid') id!: string;
  @Column() name!: string;
  @Column(() => Address) address!: Address;
  @Column({ type: sqlOf<'jsonb' | 'json'>({ postgres: 'jsonb', mariadb: 'json' }), nullable: true }) likes!: {
    books: string[];
  } | null;
  @Column('simple-array', { nullable: true }) tags!: string[] | null;
  @Column({ type: isPostgres ? 'text' : 'varchar', select: false, default: 'secret' })
  secret!: string;
  @CreateDateColumn() madeAt!: Date;
  @UpdateDateColumn() changedAt!: Date;
  @DeleteDateColumn() leftAt!: Date | null;
  @VersionColumn() version!: number;
  @OneToMany(() => Loan, (loan) => loan.person, { cascade: true, orphanedRowAction: 'delete' })
  loans!: Relation<Loan>[];
  @RelationId((person: Person) => person.loans) loanIds!: number[];
}

@ChildEntity()
export class Member extends Person {
  @Column({ nullable: true }) since!: number;
  @OneToOne(() => Card, (card) => card.member, { cascade: true, nullable: true })
  card!: Relation<Card> | null;
}

@ChildEntity()
export class Clerk extends Person {
  @Column('enum', { enum: ['desk', 'store'], nullable: true }) place!: 'desk' | 'store' | null;
}

@Entity()
export class Card {
  @PrimaryColumn() number!: string;
  @OneToOne(() => Member, (member) => member.card, { onDelete: 'CASCADE' })
  @JoinColumn()
  member!: Relation<Member>;
}

@Entity()
@Index(['title', 'place'])
export class Loan {
  @PrimaryGeneratedColumn() id!: number;
  @Column() title!: string;
  @Column('int', {
    default: 0,
    transformer: { to: (n?: number) => n && n * 10, from: (n: number) => n / 10 },
  })
  place!: number;
  @Column({
    type: sqlOf<'tsvector' | 'varchar'>({ postgres: 'tsvector', mariadb: 'varchar' }),
    select: false,
    nullable: true,
    // TypeORM says NULL of a generated column, which MariaDB does not read.
    ...(isPostgres && { asExpression: `to_tsvector('simple', title)`, generatedType: 'STORED' as const }),
  })
  words!: string;
  @VirtualColumn('int', {
    query: (loan: string) => `SELECT ${COUNT} FROM loan AS others WHERE others.title = ${loan}.title`,
  })
  copies!: number;
  @ManyToOne(() => Person, (person) => person.loans, { onDelete: 'CASCADE', nullable: true })
  person!: Relation<Person> | null;
  @ManyToMany(() => Loan) @JoinTable() related!: Relation<Loan>[];
}

/** Every event, with what its query runner is doing. */
@EventSubscriber()
export class Witness implements EntitySubscriberInterface {
  static heard: string[] = [];
  afterLoad = this.hear('afterLoad');
  beforeInsert = this.hear('beforeInsert');
  afterInsert = this.hear('afterInsert');
  beforeUpdate = this.hear('beforeUpdate');
  afterUpdate = this.hear('afterUpdate');
  beforeRemove = this.hear('beforeRemove');
  afterRemove = this.hear('afterRemove');
  beforeSoftRemove = this.hear('beforeSoftRemove');
  afterSoftRemove = this.hear('afterSoftRemove');
  beforeRecover = this.hear('beforeRecover');
  afterRecover = this.hear('afterRecover');
  beforeQuery = this.hear('beforeQuery');
  afterQuery = this.hear('afterQuery');
  beforeTransactionStart = this.hear('beforeTransactionStart');
  afterTransactionStart = this.hear('afterTransactionStart');
  beforeTransactionCommit = this.hear('beforeTransactionCommit');
  afterTransactionCommit = this.hear('afterTransactionCommit');
  beforeTransactionRollback = this.hear('beforeTransactionRollback');
  afterTransactionRollback = this.hear('afterTransactionRollback');

  private hear(name: string) {
    return (subject: object, loaded?: { queryRunner?: QueryRunner }): void => {
      const runner = (loaded ?? (subject as { queryRunner?: QueryRunner })).queryRunner;
      const state =
        runner && `${runner.isTransactionActive} ${runner.isReleased} ${JSON.stringify(runner.data)}`;
      Witness.heard.push(`${name} ${state}`);
    };
  }
}

export class AddShelf1700000000001 implements MigrationInterface {
  readonly name = 'AddShelf1700000000001';
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE shelf (id int)');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE shelf');
  }
}

export class FillShelf1700000000002 implements MigrationInterface {
  readonly name = 'FillShelf1700000000002';
  async up(runner: QueryRunner): Promise<void> {
    await runner.manager.query('INSERT INTO shelf VALUES (1)');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DELETE FROM shelf');
  }
}

/** What both DataSources are made of. */
export const LIBRARY = {
  entities: [Author, Book, Label, Country, BestSeller, ...CATEGORIES, Person, Member, Clerk, Card, Loan],
  subscribers: [Witness],
  migrations: [AddShelf1700000000001, FillShelf1700000000002],
  cache: true,
};
