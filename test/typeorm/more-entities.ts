import {
  Column,
  Entity,
  EntitySchema,
  PrimaryGeneratedColumn,
  Tree,
  TreeChildren,
  TreeParent,
  ViewColumn,
  ViewEntity,
  type Relation,
} from 'typeorm';

@Entity()
@Tree('closure-table')
export class ClosureCategory {
  @PrimaryGeneratedColumn() id!: number;
  @Column() name!: string;
  @TreeParent() parent!: Relation<ClosureCategory> | null;
  @TreeChildren() children!: Relation<ClosureCategory>[];
}

@Entity()
@Tree('materialized-path')
export class MaterializedCategory {
  @PrimaryGeneratedColumn() id!: number;
  @Column() name!: string;
  @TreeParent() parent!: Relation<MaterializedCategory> | null;
  @TreeChildren() children!: Relation<MaterializedCategory>[];
}

@Entity()
@Tree('nested-set')
export class NestedCategory {
  @PrimaryGeneratedColumn() id!: number;
  @Column() name!: string;
  @TreeParent() parent!: Relation<NestedCategory> | null;
  @TreeChildren() children!: Relation<NestedCategory>[];
}

export const CATEGORIES = [ClosureCategory, MaterializedCategory, NestedCategory];

export const Country = new EntitySchema<{ code: string; name: string }>({
  name: 'country',
  columns: { code: { type: 'varchar', primary: true }, name: { type: 'varchar' } },
});

@ViewEntity({ expression: 'SELECT id, title FROM book WHERE sold > 2' })
export class BestSeller {
  @ViewColumn() id!: number;
  @ViewColumn() title!: string;
}
