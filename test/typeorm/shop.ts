import {
  AfterLoad,
  BaseEntity,
  BeforeInsert,
  BeforeUpdate,
  Column,
  DeleteDateColumn,
  Entity,
  ManyToMany,
  ManyToOne,
  JoinTable,
  OneToMany,
  PrimaryGeneratedColumn,
  VersionColumn,
  type Relation,
} from 'typeorm';

@Entity()
export class Author extends BaseEntity {
  @PrimaryGeneratedColumn() id!: number;
  @Column({ unique: true }) name!: string;
  @OneToMany(() => Book, (book) => book.author, { cascade: true }) books!: Promise<Relation<Book>[]>;
}

@Entity()
export class Label {
  @PrimaryGeneratedColumn() id!: number;
  @Column() text!: string;
}

@Entity()
export class Book {
  @PrimaryGeneratedColumn() id!: number;
  @Column() title!: string;
  @Column({ default: 0 }) sold!: number;
  @VersionColumn() version!: number;
  @DeleteDateColumn() deletedAt!: Date | null;
  @ManyToOne(() => Author, (author) => author.books, { nullable: true, onDelete: 'CASCADE' })
  author!: Promise<Relation<Author> | null>;
  @ManyToMany(() => Label, { eager: true, cascade: true }) @JoinTable() labels!: Label[];

  /** Which listeners have run, in order. Not a column. */
  heard: string[] = [];

  @BeforeInsert() beforeInsert(): void {
    this.heard.push('before-insert');
  }
  @BeforeUpdate() beforeUpdate(): void {
    this.heard.push('before-update');
  }
  @AfterLoad() afterLoad(): void {
    this.heard.push('after-load');
  }
}
