const format = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** "5 minutes ago"; the date itself when it is more than a day old. */
export function timeAgo(date: Date, nowMs: number): string {
  const seconds = Math.round((nowMs - date.getTime()) / 1_000);
  if (seconds < 10) return 'just now';
  if (seconds < 60) return format.format(-seconds, 'second');
  if (seconds < 3_600) return format.format(-Math.round(seconds / 60), 'minute');
  if (seconds < 86_400) return format.format(-Math.round(seconds / 3_600), 'hour');
  return date.toISOString().slice(0, 10);
}
