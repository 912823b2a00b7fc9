import { RequestMethod, VERSION_NEUTRAL, VersioningType } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';

// As in Nest's own constants, whose path is not part of its public interface.
const PATH = 'path';
const METHOD = 'method';
const VERSION = '__version__';

/** Where the handlers of a controller are. */
export interface Site {
  readonly config: ApplicationConfig;
  /** Of `RouterModule`. */
  readonly modulePath: string | undefined;
  readonly controller: object;
}

export interface HttpRoute {
  readonly method: string;
  readonly path: string;
}

/** The routes of a method, as requests name them: with prefix and version. None: it is no route. */
export function httpRoutesOf(
  method: object,
  { config, modulePath = '', controller }: Site,
): readonly HttpRoute[] {
  const own = read<string | readonly string[]>(PATH, method);
  const verb = read<RequestMethod>(METHOD, method);
  if (own === undefined || verb === undefined) return [];
  const above = listOf(read<string | readonly string[]>(PATH, controller) ?? '');
  const version = read<Version>(VERSION, method) ?? read<Version>(VERSION, controller);
  return above
    .flatMap((outer) => listOf(own).map((inner) => join(modulePath, outer, inner)))
    .flatMap((path) => {
      const prefix = hasPrefix(path, verb, config) ? config.getGlobalPrefix() : '';
      return withVersions(path, version, config).map((versioned) => join(prefix, versioned));
    })
    .map((path) => ({ method: RequestMethod[verb], path }));
}

/** What `RouterModule` says of a module. */
export function modulePathOf(module: object | undefined, applicationId: string): string | undefined {
  const key = '__module_path__';
  return module && (read<string>(key + applicationId, module) ?? read<string>(key, module));
}

type Version = string | symbol | readonly (string | symbol)[];

function withVersions(
  path: string,
  ofHandler: Version | undefined,
  config: ApplicationConfig,
): readonly string[] {
  const versioning = config.getVersioning();
  if (versioning?.type !== VersioningType.URI) return [path];
  const version = ofHandler ?? (versioning.defaultVersion as Version | undefined);
  if (version === undefined) return [path];
  const prefix = versioning.prefix === false ? '' : (versioning.prefix ?? 'v');
  return listOf(version).map((one) =>
    one === VERSION_NEUTRAL ? path : join(`${prefix}${String(one)}`, path),
  );
}

/** Whether the options of the prefix name it, without its version, as one that has none. */
function hasPrefix(path: string, verb: RequestMethod, config: ApplicationConfig): boolean {
  const { exclude = [] } = config.getGlobalPrefixOptions();
  return !exclude.some(
    ({ pathRegex, requestMethod }) =>
      (requestMethod === RequestMethod.ALL || requestMethod === verb) && pathRegex.test(path),
  );
}

/** `/a/b`, whatever slashes the parts have. */
function join(...parts: readonly string[]): string {
  return `/${parts
    .flatMap((part) => part.split('/'))
    .filter((part) => part !== '')
    .join('/')}`;
}

function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

function read<T>(key: string, target: object): T | undefined {
  return Reflect.getMetadata(key, target) as T | undefined;
}
