import type { OnConnect } from '../../../options/options.js';
import type { DriverOptions } from '../../../options/resolved-options.js';
import { setUpSession, type SetUpTerms } from '../../pool/set-up-session.js';
import { withVerify } from './with-verify.js';

/**
 * Options with which the application sets up every new session. To be wrapped around those with which sessions prove what
 * they are, so that these are proven as they are used: what the application sets comes before.
 */
export function withSetUp(options: DriverOptions, terms: SetUpTerms): DriverOptions {
  if (!terms.onConnect) return options;
  return withVerify<Parameters<OnConnect>[0]>(options, (client, verified) => {
    setUpSession(client, terms).then(
      () => verified(),
      (error: unknown) => verified(error as Error),
    );
  });
}
