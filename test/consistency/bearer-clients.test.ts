import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Body,
  Controller,
  Get,
  Injectable,
  Post,
  Req,
  SetMetadata,
  UnauthorizedException,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { createHash, randomUUID } from 'node:crypto';
import {
  InjectReplicatedRepository,
  ReplicatedModule,
  ReplicatedRepository,
  type ConsistencyOptions,
} from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import request from 'supertest';
import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import { startCluster } from '../support/database.js';
import { optionsFor, PLATFORMS, openApp, type Site } from '../support/open-app.js';

@Entity()
class Login {
  @PrimaryGeneratedColumn() id!: number;
  @Column('text') token!: string;
  @Column('text') user!: string;
}

interface Request {
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Set by the login handler. */
  issued?: string;
  login?: Login;
}

const bearerOf = ({ headers }: Request): string | undefined =>
  /^Bearer (.+)$/.exec(headers['authorization'] ?? '')?.[1];
const hashed = (token: string | undefined): string | undefined =>
  token && createHash('sha256').update(token).digest('base64url');

/** Whether the guard looks again on the primary; otherwise tokens of the store must see to it. */
const LOOK = 'look';

@Injectable()
class BearerGuard implements CanActivate {
  constructor(@InjectReplicatedRepository(Login) private readonly logins: ReplicatedRepository<Login>) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const asking = context.switchToHttp().getRequest<Request>();
    const token = bearerOf(asking);
    const logins = Reflect.getMetadata(LOOK, context.getHandler()) ? this.logins.orPrimary : this.logins;
    const login = token && (await logins.findOneBy({ token }));
    if (!login) throw new UnauthorizedException();
    asking.login = login;
    return true;
  }
}

@Controller()
class AccountController {
  constructor(@InjectReplicatedRepository(Login) private readonly logins: ReplicatedRepository<Login>) {}

  @Post('login')
  async logIn(@Body() { user }: { user: string }, @Req() asking: Request) {
    const token = randomUUID();
    asking.issued = token; // before the write, so that the store knows whose it is
    await this.logins.save({ token, user });
    return { token };
  }

  @Get('me')
  @UseGuards(BearerGuard)
  async me(@Req() { login }: Request) {
    return { user: login?.user, logins: await this.logins.count() };
  }

  @Get('me/looked-up')
  @UseGuards(BearerGuard)
  @SetMetadata(LOOK, true)
  async lookedUp(@Req() { login }: Request) {
    return { user: login?.user, logins: await this.logins.count() };
  }
}

describe.each(PLATFORMS)(
  'clients with bearer tokens, which keep no cookies, on $platform',
  ({ createAdapter }) => {
    let cluster: PostgresCluster;
    let site: Site | undefined;
    beforeAll(async () => {
      cluster = await startCluster({ replicas: 1 });
    });
    afterAll(() => cluster?.stop());
    afterEach(async () => {
      await site?.app.close();
      await cluster.replicas[0]?.resumeReplay();
      await cluster.waitForReplication();
    });

    async function start(
      consistency: ConsistencyOptions,
    ): Promise<(path: string, token?: string) => request.Test> {
      const options = optionsFor(cluster, { consistency, entities: [Login], synchronize: true } as never);
      const imports = [ReplicatedModule.forRoot(options), ReplicatedModule.forFeature([Login])];
      const started = await openApp({ createAdapter, imports, controllers: [AccountController] });
      site = started;
      await cluster.waitForReplication();
      await cluster.replicas[0]?.pauseReplay();
      return (path, token) => {
        const asking = request(started.url).get(path);
        return token === undefined ? asking : asking.set('Authorization', `Bearer ${token}`);
      };
    }

    async function logIn(): Promise<string> {
      const response = await request(site?.url as string)
        .post('/login')
        .send({ user: 'ada' });
      return (response.body as { token: string }).token;
    }

    it('by the store, whose key is known in the response to the login: their next requests see it', async () => {
      const key = (asking: Request) => hashed(bearerOf(asking) ?? asking.issued);
      const get = await start({ carriers: ['store'], store: { key } });
      const token = await logIn();
      const response = await get('/me', token).expect(200);
      expect(response.body).toMatchObject({ user: 'ada' });
      expect(response.headers['replication-route']).toBe('primary; reason=behind-token');
      await get('/me', 'another').expect(401).expect('replication-route', 'replica-1; reason=read-method');
    });

    it('by the store with a key of authenticated requests only: the login is missed', async () => {
      const get = await start({
        carriers: ['store'],
        store: { key: (asking: Request) => hashed(bearerOf(asking)) },
      });
      await get('/me', await logIn()).expect(401);
    });

    it('by a look-up with .orPrimary in the guard: the login is found, and all else reads replicas', async () => {
      const get = await start({});
      const token = await logIn();
      const response = await get('/me/looked-up', token).expect(200);
      expect(response.body).toMatchObject({ user: 'ada' });
      expect(response.headers['replication-route']).toBe(
        'replica-1; reason=read-method, primary; reason=empty-answer',
      );
      await get('/me/looked-up', 'another').expect(401);
      await get('/me', token).expect(401);
    });
  },
);
