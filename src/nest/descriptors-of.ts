/** A prototype's properties, inherited ones included. */
export function descriptorsOf(prototype: object): Map<string, PropertyDescriptor> {
  const parent = Object.getPrototypeOf(prototype) as object | null;
  const inherited = parent && parent !== Object.prototype ? descriptorsOf(parent) : [];
  return new Map([...inherited, ...Object.entries(Object.getOwnPropertyDescriptors(prototype))]);
}
