/** The repositories, by the names that the controllers use in all variants. */
export const NOTES = Symbol('notes');
export const VERSIONS = Symbol('versions');
