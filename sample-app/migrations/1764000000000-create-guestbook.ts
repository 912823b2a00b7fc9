import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateGuestbook1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE "post" (
        "id" SERIAL PRIMARY KEY,
        "author" varchar(40) NOT NULL,
        "text" text NOT NULL,
        "createdAt" timestamptz NOT NULL DEFAULT now()
      )`);
    await runner.query(`
      CREATE TABLE "comment" (
        "id" SERIAL PRIMARY KEY,
        "author" varchar(40) NOT NULL,
        "text" text NOT NULL,
        "createdAt" timestamptz NOT NULL DEFAULT now(),
        "postId" integer NOT NULL,
        CONSTRAINT "FK_94a85bb16d24033a2afdd5df060" FOREIGN KEY ("postId") REFERENCES "post" ("id") ON DELETE CASCADE
      )`);
    await runner.query(`CREATE INDEX "IDX_94a85bb16d24033a2afdd5df06" ON "comment" ("postId")`);
    await runner.query(`CREATE TABLE "counter" ("name" varchar(20) PRIMARY KEY, "value" integer NOT NULL)`);
    await runner.query(`INSERT INTO "counter" VALUES ('visits', 0)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['counter', 'comment', 'post']) await runner.query(`DROP TABLE "${table}"`);
  }
}
