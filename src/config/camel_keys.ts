/** The keys of a file as the names of options. */
import { camelCase } from "../base/mod.ts";
import { isRaw } from "./pointer.ts";

type Camel<Name> = Name extends `${infer First}_${infer Rest}` ? `${First}${Capitalize<Camel<Rest>>}` : Name;

/** The same with the names that options have. */
export type CamelKeys<T> = T extends readonly unknown[] ? T
  : T extends object ? { [Name in keyof T as Camel<Name>]: CamelKeys<T[Name]> }
  : T;

/** Renames the keys of every depth; lists stay as they are. */
export function camelKeys<T extends object>(section: T): CamelKeys<T>;
export function camelKeys(section: object): object {
  return Object.fromEntries(
    Object.entries(section).map(([key, value]) => [camelCase(key), isRaw(value) ? camelKeys(value) : value]),
  );
}
