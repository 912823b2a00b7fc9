// Fails if a link of the repository's Markdown leads to a file or a heading that is not there. Asks no network.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(file) && !file.startsWith('etc/'));
const LINK = /\[(?:[^\][]|\[[^\]]*\])*\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$/gm;

const dead = files.flatMap((file) =>
  linksOf(file)
    .filter((link) => !leads(file, link))
    .map((link) => `${file}: ${link}`),
);
if (dead.length > 0) {
  console.error(`Links that lead nowhere:\n${dead.join('\n')}`);
  process.exit(1);
}

function linksOf(file) {
  const links = [...proseOf(file).matchAll(LINK)].map(([, inline, reference]) => inline ?? reference);
  return links.filter((link) => !/^[a-z]+:/.test(link));
}

function leads(from, link) {
  const [path, anchor] = link.split('#');
  const target = path === '' ? from : normalize(join(dirname(from), decodeURIComponent(path)));
  if (!existsSync(target)) return false;
  return anchor === undefined || !target.endsWith('.md') || anchorsOf(target).has(anchor);
}

/** As GitHub names them. */
function anchorsOf(file) {
  const seen = new Map();
  const anchors = [...proseOf(file).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) => {
    const name = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-');
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    return times === 0 ? name : `${name}-${times}`;
  });
  return new Set(anchors);
}

function proseOf(file) {
  return readFileSync(file, 'utf8').replaceAll(/^```[^]*?^```/gm, '');
}
