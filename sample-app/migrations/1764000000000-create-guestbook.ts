import {
  Table,
  type MigrationInterface,
  type QueryRunner,
  type TableColumnOptions,
  type TableOptions,
} from 'typeorm';

/** Tables as objects, since the text that makes them differs between databases. */
export class CreateGuestbook1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const date = runner.connection.driver.normalizeType({ type: Date });
    for (const table of [POST, COMMENT]) {
      const columns = [...(table.columns ?? []), { name: 'createdAt', type: date, precision: 3 }];
      await runner.createTable(new Table({ ...table, columns }));
    }
    await runner.createTable(new Table(COUNTER));
    await runner.manager.insert('counter', { name: 'visits', value: 0 });
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['counter', 'comment', 'post']) await runner.dropTable(table);
  }
}

const ID: TableColumnOptions = {
  name: 'id',
  type: 'int',
  isPrimary: true,
  isGenerated: true,
  generationStrategy: 'increment',
};
const ENTRY: readonly TableColumnOptions[] = [
  ID,
  { name: 'author', type: 'varchar', length: '40' },
  { name: 'text', type: 'text' },
];

const POST: TableOptions = { name: 'post', columns: [...ENTRY] };
const COMMENT: TableOptions = {
  name: 'comment',
  columns: [...ENTRY, { name: 'postId', type: 'int' }],
  indices: [{ columnNames: ['postId'] }],
  foreignKeys: [
    {
      columnNames: ['postId'],
      referencedTableName: 'post',
      referencedColumnNames: ['id'],
      onDelete: 'CASCADE',
      onUpdate: 'NO ACTION',
    },
  ],
};
const COUNTER: TableOptions = {
  name: 'counter',
  columns: [
    { name: 'name', type: 'varchar', length: '20', isPrimary: true },
    { name: 'value', type: 'int' },
  ],
};
