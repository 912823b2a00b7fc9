import { Column, Entity, Index, ManyToOne, OneToMany, PrimaryGeneratedColumn, type Relation } from 'typeorm';

@Entity()
export class Post {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 40 })
  author!: string;

  @Column({ type: 'text' })
  text!: string;

  @Column({ type: Date, precision: 3 })
  createdAt!: Date;

  @OneToMany(() => Comment, (comment) => comment.post)
  comments!: Relation<Comment[]>;
}

@Entity()
export class Comment {
  @PrimaryGeneratedColumn()
  id!: number;

  @ManyToOne(() => Post, (post) => post.comments, { nullable: false, onDelete: 'CASCADE' })
  @Index()
  post!: Relation<Post>;

  @Column({ type: 'varchar', length: 40 })
  author!: string;

  @Column({ type: 'text' })
  text!: string;

  @Column({ type: Date, precision: 3 })
  createdAt!: Date;
}
