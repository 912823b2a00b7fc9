/** Whether a server that is at `have` has all that one at `need` had: both as MariaDB writes them, "0-1-17,7-1-3". */
export function coversPosition(have: string, need: string): boolean {
  const reached = parsePosition(have);
  return [...parsePosition(need)].every(([domain, sequence]) => (reached.get(domain) ?? 0n) >= sequence);
}

/** The last sequence number by domain. */
function parsePosition(text: string): Map<string, bigint> {
  const gtids = text.split(',').filter((gtid) => gtid.trim() !== '');
  return new Map(
    gtids.map((gtid) => {
      const [domain = '', , sequence = ''] = gtid.trim().split('-');
      return [domain, BigInt(sequence)];
    }),
  );
}
