/** The value of a header as one string, with what Node gives as several lines joined as HTTP does. */
export function headerValue(
  value: number | string | readonly string[] | undefined,
  separator: ', ' | '; ' = ', ',
): string {
  if (value === undefined) return '';
  return typeof value === 'string'
    ? value
    : typeof value === 'number'
      ? String(value)
      : value.join(separator);
}
