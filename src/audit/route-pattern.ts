/**
 * A path of a rule or a route, segment by segment: a text, one segment that may be anything, or the rest. Express and Fastify
 * know more than rules do; what is not understood may be anything, so that no rule is said to match nothing by mistake.
 */
type Segment = { readonly text: string } | 'any' | 'rest';

export type RoutePattern = readonly Segment[];

export function parsePattern(path: string): RoutePattern {
  const segments: Segment[] = [];
  for (const part of path.split('/').filter((each) => each !== '')) {
    // An optional part: with or without it.
    if (/[{}]|\?$/.test(part)) return [...segments, 'rest'];
    if (part.includes('*') || part === '(.*)') segments.push('rest');
    else if (/[:()+?]/.test(part)) segments.push('any');
    else segments.push({ text: decoded(part) });
  }
  return segments;
}

/** Whether some path matches both. */
export function overlaps(rule: RoutePattern, route: RoutePattern): boolean {
  const [first, ...rules] = rule;
  const [second, ...routes] = route;
  if (first === 'rest') return second !== undefined;
  // It may be empty, such as an optional part.
  if (second === 'rest') return true;
  if (first === undefined || second === undefined) return first === second;
  const isSame = first === 'any' || second === 'any' || first.text === second.text;
  return isSame && overlaps(rules, routes);
}

/** Whether the rule matches every path that the route does. */
export function covers(rule: RoutePattern, route: RoutePattern): boolean {
  const [first, ...rules] = rule;
  const [second, ...routes] = route;
  if (first === 'rest') return second !== undefined && second !== 'rest';
  if (first === undefined || second === undefined) return first === second;
  if (second === 'rest') return false;
  const isCovered = first === 'any' || (second !== 'any' && first.text === second.text);
  return isCovered && covers(rules, routes);
}

function decoded(part: string): string {
  try {
    return decodeURI(part);
  } catch {
    return part;
  }
}
