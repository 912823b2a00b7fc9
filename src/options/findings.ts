import { InvalidOptionsError, type OptionsProblem } from '../errors.js';
import { didYouMean } from './did-you-mean.js';

/** An object all of whose keys are ours, so that a key that is not known is a mistake. */
export interface ClosedSection {
  readonly path: string;
  /** Those that the user wrote. */
  readonly keys: readonly string[];
  readonly known: readonly string[];
}

/** What was found while the options were read. */
export class Findings {
  private readonly found: OptionsProblem[] = [];
  private readonly sections: ClosedSection[] = [];

  add(path: string, message: string): void {
    this.found.push({ path, message });
  }

  /** Has the section's unknown keys reported by {@link end}. */
  close(section: ClosedSection): void {
    this.sections.push(section);
  }

  /** Whether something is wrong at `path` or below it. */
  concern(path: string): boolean {
    return this.found.some((problem) => problem.path === path || /^[.[]/.test(below(problem.path, path)));
  }

  /** The section, of all that were read, to which `key` belongs. */
  homeOf(key: string): string | undefined {
    return this.sections.find(({ known }) => known.includes(key))?.path;
  }

  /** To be called when everything has been read. @throws {@link InvalidOptionsError} with all that was found */
  end(): void {
    for (const { path, keys, known } of this.sections)
      for (const key of keys)
        if (!known.includes(key)) this.add(`${path}.${key}`, `unknown option. ${this.advice(key, known)}`);
    if (this.found.length > 0) throw new InvalidOptionsError(this.found);
  }

  private advice(key: string, known: readonly string[]): string {
    const meant = didYouMean(key, known);
    if (meant !== undefined) return `Did you mean ${meant}?`;
    const home = this.homeOf(key);
    return home === undefined ? `Known here: ${known.join(', ')}.` : `It belongs to ${home}.`;
  }
}

function below(path: string, parent: string): string {
  return path.startsWith(parent) ? path.slice(parent.length) : '';
}
