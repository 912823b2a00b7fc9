import { describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  Post as HttpPost,
  Req,
  UseGuards,
} from '@nestjs/common';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { InjectRepository } from '@nestjs/typeorm';
import type { Request } from 'express';
import { ConnectionSelector, ReplicatedModule } from 'nestjs-replicated';
import { Strategy } from 'passport';
import request from 'supertest';
import { Column, Entity, PrimaryColumn, Repository } from 'typeorm';
import { sqlOf } from '../support/database.js';
import { databaseOptions, type Nodes } from './database-options.js';
import { openApp } from '../support/open-app.js';
import { withCluster } from './with-cluster.js';

@Entity()
class User {
  @PrimaryColumn() apiKey!: string;
  @Column({ default: 0 }) logins!: number;
}

const LOGINS = sqlOf({
  postgres: 'SELECT logins FROM "user" WHERE "apiKey" = $1',
  mariadb: 'SELECT logins FROM user WHERE apiKey = ?',
});

type Verify = (apiKey: string | undefined, done: (error: unknown, user?: User | null) => void) => void;

/** As passport's strategies on npm are: it finds the credentials, and asks the application who that is. */
class ApiKeyStrategy extends Strategy {
  override name = 'api-key';
  constructor(private readonly verify: Verify) {
    super();
  }
  override authenticate(request: Request): void {
    this.verify(request.header('x-api-key'), (error, user) => {
      if (error) this.error(error);
      else if (user) this.success(user);
      else this.fail('unknown key', 401);
    });
  }
}

@Injectable()
class FindUser extends PassportStrategy(ApiKeyStrategy, 'find-user') {
  constructor(@InjectRepository(User) private readonly users: Repository<User>) {
    super();
  }
  validate(apiKey: string | undefined) {
    return this.users.findOneBy({ apiKey: apiKey ?? '' });
  }
}

@Injectable()
class CountLogin extends PassportStrategy(ApiKeyStrategy, 'count-login') {
  constructor(
    @InjectRepository(User) private readonly users: Repository<User>,
    @Inject(ConnectionSelector) private readonly selector: ConnectionSelector,
  ) {
    super();
  }
  validate(apiKey = '') {
    return this.selector.outside(async () => {
      await this.users.increment({ apiKey }, 'logins', 1);
      return this.users.findOneBy({ apiKey });
    });
  }
}

@Injectable()
class CountLoginCarelessly extends PassportStrategy(ApiKeyStrategy, 'careless') {
  constructor(@InjectRepository(User) private readonly users: Repository<User>) {
    super();
  }
  async validate(apiKey = '') {
    await this.users.increment({ apiKey }, 'logins', 1);
    return this.users.findOneBy({ apiKey });
  }
}

@Controller('users')
class UsersController {
  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  @HttpPost(':key')
  async signUp(@Req() { params }: Request) {
    await this.users.insert({ apiKey: params['key'] as string });
  }
  @Get('me')
  @UseGuards(AuthGuard('find-user'))
  me(@Req() { user }: Request) {
    return user;
  }
  @HttpPost('me/greeting')
  @UseGuards(AuthGuard('find-user'))
  greet(@Req() { user }: Request) {
    return user;
  }
  @Get('counted')
  @UseGuards(AuthGuard('count-login'))
  async counted(@Req() { user }: Request) {
    await this.users.count();
    return user;
  }
  @Get('careless')
  @UseGuards(AuthGuard('careless'))
  careless(@Req() { user }: Request) {
    return user;
  }
}

function application(nodes: Nodes) {
  @Module({
    imports: [
      ReplicatedModule.forRoot(databaseOptions(nodes, [User])),
      ReplicatedModule.forFeature([User]),
      PassportModule,
    ],
    controllers: [UsersController],
    providers: [FindUser, CountLogin, CountLoginCarelessly],
  })
  class AppModule {}
  return AppModule;
}

describe('passport strategies which query users', () => {
  const stage = withCluster((nodes) => openApp({ imports: [application(nodes)] }));

  async function signedUp(key: string) {
    const client = request.agent(stage.app.url).set('x-api-key', key);
    await client.post(`/users/${key}`).expect(201);
    return client;
  }

  it('find the user where the handler reads', async () => {
    await signedUp('anna');
    await stage.cluster.waitForReplication();
    const stranger = request(stage.app.url);
    const read = await stranger.get('/users/me').set('x-api-key', 'anna');
    expect(read.body).toMatchObject({ apiKey: 'anna' });
    expect(read.headers['replication-route']).toMatch(/^replica-\d; reason=read-method$/);
    const written = await stranger.post('/users/me/greeting').set('x-api-key', 'anna');
    expect(written.headers['replication-route']).toBe('primary; reason=write-method');
  });

  it('find a user who has just signed up, while the replicas stand still', async () => {
    for (const replica of stage.cluster.replicas) await replica.pauseReplay();
    const client = await signedUp('berta');
    const { body, headers } = await client.get('/users/me').expect(200);
    expect(body).toMatchObject({ apiKey: 'berta' });
    expect(headers['replication-route']).toBe('primary; reason=behind-token');
  });

  it('may write in a GET outside the unit of work, which goes on reading a replica', async () => {
    await signedUp('carla');
    await stage.cluster.waitForReplication();
    const stranger = request(stage.app.url);
    const { body, headers } = await stranger.get('/users/counted').set('x-api-key', 'carla').expect(200);
    expect(body).toMatchObject({ logins: 1 });
    expect(headers['replication-route']).toMatch(/^replica-\d; reason=read-method$/);
    expect(headers['set-cookie']).toBeUndefined();
  });

  it('are refused a write in a GET otherwise', async () => {
    const client = await signedUp('dora');
    await client.get('/users/careless').expect(500);
    expect(await stage.cluster.primary.query(LOGINS, ['dora'])).toEqual([{ logins: 0 }]);
  });
});
