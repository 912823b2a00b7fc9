import type { DriverOptions } from '../../../options/resolved-options.js';

/** Options with which the server is told settings of its sessions as they start, beside those that the user gives it so. */
export function withStartupSettings(
  options: DriverOptions,
  settings: Readonly<Record<string, string>>,
): DriverOptions {
  const extra = (options['extra'] ?? {}) as { readonly options?: string };
  const own = extra.options === undefined ? [] : [extra.options];
  const ours = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  return { ...options, extra: { ...extra, options: [...own, ...ours].join(' ') } };
}

/** Whether that was refused, as poolers do. */
export function refusesStartupSettings(error: unknown): boolean {
  const { message } = (error ?? {}) as { message?: unknown };
  return /unsupported startup parameter/i.test(String(message));
}
