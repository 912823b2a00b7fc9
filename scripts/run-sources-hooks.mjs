import { transform } from '@swc/core';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import swcOptions from './swc-options.mjs';

const OURS = /^nestjs-replicated(?:\/(\w+))?$/;
const RELATIVE = /^\.{1,2}\//;

export function resolve(specifier, context, next) {
  const entry = OURS.exec(specifier);
  if (entry) return next(new URL(`../src/${entry[1] ?? '.'}/index.ts`, import.meta.url).href, context);
  const isOurs = context.parentURL?.endsWith('.ts') && RELATIVE.test(specifier);
  return next(isOurs ? specifier.replace(/\.js$/, '.ts') : specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const path = fileURLToPath(url);
  const { code } = await transform(await readFile(path, 'utf8'), { ...swcOptions, filename: path });
  return { format: 'module', source: code, shortCircuit: true };
}
