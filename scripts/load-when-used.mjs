import { readFileSync, writeFileSync } from 'node:fs';

const REQUIRE = /^const (\w+) = require\("(\.\/[^"]+)"\);$/gm;

/** Lets a CommonJS file load the modules beside and below it when its code first uses them. */
export function loadWhenUsed(file) {
  const code = readFileSync(file, 'utf8');
  const names = Array.from(code.matchAll(REQUIRE), ([, name]) => name);
  if (names.length === 0) throw new Error(`${file} loads nothing that could be loaded later.`);
  const lazy = code.replaceAll(REQUIRE, 'const $1 = () => require("$2");');
  const used = new RegExp(`\\b(${names.join('|')})\\.`, 'g');
  writeFileSync(file, lazy.replaceAll(used, '$1().'));
}
