import type { UnitOfWork } from '../../context/unit-of-work.js';
import { UsageError } from '../../errors.js';
import type { Positions } from '../../position.js';
import type { OpenedToken } from '../../tokens/envelope.js';
import type { Keyring } from '../../tokens/keyring.js';
import { sealTokens } from '../../tokens/token-text.js';
import type { Token } from '../../tokens/token.js';

/** What the tokens of units are sealed with. */
export interface UnitTokensDeps {
  readonly options: { readonly name: string };
  readonly keyring: Keyring;
  readonly positions: Positions;
}

/** The tokens of units of work, as texts. */
export class UnitTokens {
  constructor(private readonly deps: UnitTokensDeps) {}

  /** Seals what units have written. */
  seal(tokens: readonly Token[]): string {
    return sealTokens(tokens, this.deps.keyring, this.deps.positions);
  }

  /** The token of a unit of work and of those around it; `undefined`: nothing to wait for. */
  tokenOf(unit: UnitOfWork | undefined): string | undefined {
    const tokens: Token[] = [];
    for (let at = unit; at; at = at.parent) {
      const work = at.on(this.deps.options.name);
      if (work.openTransactions > 0) throw new UsageError(INSIDE_TRANSACTION);
      tokens.push(...work.writes.tokens, ...(work.incoming ?? []).flatMap(demandIn));
    }
    return tokens.length === 0 ? undefined : this.seal(tokens);
  }
}

/** What is not understood here demands the primary for a while, also where the token is handed on. */
function demandIn(opened: OpenedToken): readonly Token[] {
  if (opened.kind === 'token') return [opened.token];
  if (opened.kind !== 'not-understood') return [];
  return [{ clusterId: '', history: undefined, position: undefined, issuedAtMs: opened.issuedAtMs }];
}

const INSIDE_TRANSACTION =
  'A token was asked for inside an open transaction, but the position of a write is known only after its commit. Call token() after the transaction.';
