import { transform } from '@swc/core';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { common } from '../../jest.config.mjs';

const sourceOf = (entry) => new URL(`../../src/${entry}index.ts`, import.meta.url).href;
const SOURCES = {
  'nestjs-replicated': sourceOf(''),
  'nestjs-replicated/audit': sourceOf('audit/'),
  'nestjs-replicated/otel': sourceOf('otel/'),
  'nestjs-replicated/terminus': sourceOf('terminus/'),
  'nestjs-replicated/testing': sourceOf('testing/'),
};
const [, swcOptions] = common.transform['^.+\\.ts$'];

export function resolve(specifier, context, next) {
  const isOurs = context.parentURL?.endsWith('.ts') && /^\.{1,2}\//.test(specifier);
  return next(SOURCES[specifier] ?? (isOurs ? specifier.replace(/\.js$/, '.ts') : specifier), context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const path = fileURLToPath(url);
  const { code } = await transform(await readFile(path, 'utf8'), { ...swcOptions, filename: path });
  return { format: 'module', source: code, shortCircuit: true };
}
