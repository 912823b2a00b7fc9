import type { Reason } from 'nestjs-replicated';

/** Why a request was answered where it was, for people. */
export const REASONS: Readonly<Record<Reason, string>> = {
  'read-method': 'A GET only reads, so a replica answers.',
  'write-method': 'A POST may write, so the primary answers.',
  'changes-database': 'The handler is marked @ChangesDatabase().',
  'use-slave': 'The handler is marked @UseSlave().',
  rule: 'A rule in the options says so.',
  explicit: 'The code asked for it.',
  'in-transaction': 'A transaction stays where it began.',
  'wrote-earlier': 'This request has written, and must see that.',
  'read-operation': 'A GraphQL query only reads.',
  'write-operation': 'A GraphQL mutation may write.',
  promoted: 'The handler wrote, so it went to the primary.',
  'outside-unit': 'Not part of a request.',
  'behind-token': 'You wrote something that no replica has yet, so the primary answers.',
  'behind-schema': 'The replica’s schema is behind.',
  'recovery-conflict': 'A replica had to make room for a change, so the primary answers.',
  'no-replicas': 'There are no replicas.',
  'no-usable-replica': 'No replica is fit to answer, so the primary does.',
  'client-wrote-recently': 'You have just written, so the primary answers for a while.',
  'mode-observe': 'Routing only observes.',
  'mode-primary-only': 'Routing is switched off.',
};
