// How often each function of the built package was called in this process, by precise coverage.
import { Session } from 'node:inspector';
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeFunctionAt } from './source-functions.mjs';

const SOURCES = fileURLToPath(new URL('../src', import.meta.url));
const BUILT = fileURLToPath(new URL('../dist/esm', import.meta.url));
/** Starts the servers of the measurement; not part of what an application runs. */
const NOT_COUNTED = resolve(BUILT, 'testing');

/**
 * Starts the counters. Functions that were compiled before have no counters of their own, so import the package
 * afterwards.
 */
export function startCounting() {
  const session = new Session();
  session.connect();
  post(session, 'Profiler.enable');
  // `detailed`: at the granularity of functions, V8 counts every `await` of an async function as one more call.
  post(session, 'Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  return {
    /** The calls since the last time: V8 sets its counters to 0 when they are taken. */
    take: () => calledFunctions(post(session, 'Profiler.takePreciseCoverage').result),
    stop: () => session.disconnect(),
  };
}

/** The session is one with its own thread, which answers before `post` returns. */
function post(session, method, parameters) {
  let answer;
  session.post(method, parameters, (error, result) => {
    if (error) throw new Error(`${method}: ${error.message}`, { cause: error });
    answer = result;
  });
  return answer;
}

/** Functions of ours that were called, by where they were built. */
function calledFunctions(scripts) {
  return scripts.flatMap(({ url, functions }) => {
    if (!url.startsWith('file:')) return [];
    const path = fileURLToPath(url);
    if (!path.startsWith(`${BUILT}/`) || path.startsWith(`${NOT_COUNTED}/`)) return [];
    return functions
      .map(({ functionName: builtName, ranges: [{ startOffset: offset, count }] }) => {
        return { path, offset, builtName, count };
      })
      .filter(({ count }) => count > 0);
  });
}

/** `[{ file, name, line, count }]`, by where functions stand in `src`. */
export function inSource(functions) {
  return functions
    .map(({ path, offset, builtName, count }) => ({ ...locate(path, offset, builtName), count }))
    .filter(({ isCalled }) => isCalled);
}

function locate(path, offset, builtName) {
  const { source, lineStarts, map } = builtFile(path);
  const line = lineStarts.findLastIndex((start) => start <= offset);
  const { originalLine = 0, originalColumn = 0 } = map.findEntry(line, offset - lineStarts[line]);
  const place = { line: originalLine, character: originalColumn };
  return { file: relative(SOURCES, source), ...describeFunctionAt(source, place, builtName) };
}

const builtFiles = new Map();

function builtFile(path) {
  if (!builtFiles.has(path)) {
    const text = readFileSync(path, 'utf8');
    const map = new SourceMap(JSON.parse(readFileSync(`${path}.map`, 'utf8')));
    const lineStarts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
    builtFiles.set(path, { source: resolve(dirname(path), map.payload.sources[0]), lineStarts, map });
  }
  return builtFiles.get(path);
}
