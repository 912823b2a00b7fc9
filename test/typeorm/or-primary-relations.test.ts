import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ReplicatedRepository } from 'nestjs-replicated';
import { Column, Entity, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import { openRouted, type RoutedDatabase } from './routed-database.js';

@Entity()
class Guest {
  @PrimaryGeneratedColumn() id!: number;
  @Column('text') name!: string;
}

@Entity()
class Invitation {
  @PrimaryGeneratedColumn() id!: number;
  @Column('text') code!: string;
  @ManyToOne(() => Guest, { lazy: true }) guest!: Promise<Guest>;
}

describe('what hangs on the answer of .orPrimary', () => {
  let db: RoutedDatabase;
  let invitations: ReplicatedRepository<Invitation>;
  beforeAll(async () => {
    db = await openRouted({ entities: [Guest, Invitation] });
    invitations = new ReplicatedRepository(Invitation, db.dataSource.manager);
    await invite('known');
    await db.servers.waitForReplication();
    await db.servers.replicas[0]?.pauseReplay();
    await invite('new');
  });
  afterAll(async () => {
    await db?.servers.replicas[0]?.resumeReplay();
    await db?.close();
  });

  async function invite(code: string): Promise<void> {
    const guest = await db.dataSource.getRepository(Guest).save({ name: `guest of ${code}` });
    await invitations.insert({ code, guest: guest as never });
  }
  const look = (code: string) =>
    db.routesOf(() =>
      db.selector.run({ intent: 'replica' }, async () => {
        const invitation = await invitations.orPrimary.findOneByOrFail({ code });
        expect((await invitation.guest).name).toBe(`guest of ${code}`);
      }),
    );
  const said = async (code: string): Promise<string[]> =>
    (await look(code)).map(({ role, reason }) => `${role} ${reason}`);

  it('is read like it: on the primary, if that has found it', async () => {
    expect(await said('new')).toEqual(['replica explicit', 'primary empty-answer', 'primary empty-answer']);
  });

  it('and on the replica otherwise', async () => {
    expect(await said('known')).toEqual(['replica explicit', 'replica explicit']);
  });
});
