import { assertEquals } from "@std/assert";
import { forget, MOST_NODES, MOST_TARGETS, type Places, placesOf, put, readPlaces, writePlaces } from "../../src/web/model/places.ts";
import { readPreferred, shadeOf, THEMES } from "../../src/web/model/preferences.ts";

const NOTHING: Places = new Map();

Deno.test("where nodes were put is kept by target, and forgotten for one alone", () => {
  const places = put(put(put(NOTHING, "a", "/x", { x: 1.4, y: -2.6 }), "b", "/x", { x: 9, y: 9 }), "a", "/y", { x: NaN, y: 1e12 });
  assertEquals(placesOf(places, "a"), new Map([["/x", { x: 1, y: -3 }], ["/y", { x: 0, y: 100_000 }]]));
  assertEquals(readPlaces(writePlaces(places)), places);
  assertEquals([...forget(places, "a").keys()], ["b"]);
  assertEquals(placesOf(places, "c").size, 0);
});

Deno.test("of too many places those that were put last are kept", () => {
  let places = NOTHING;
  for (let index = 0; index <= MOST_NODES; index++) places = put(places, "a", `/n${index}`, { x: index, y: 0 });
  places = put(places, "a", "/n1", { x: 5, y: 5 });
  places = put(places, "a", "/new", { x: 5, y: 5 });
  assertEquals(placesOf(places, "a").size, MOST_NODES);
  assertEquals(["/n0", "/n1", "/n2", "/n3", "/new"].map((path) => placesOf(places, "a").has(path)), [false, true, false, true, true]);
  for (let index = 0; index < MOST_TARGETS; index++) places = put(places, `t${index}`, "/", { x: 0, y: 0 });
  assertEquals([places.size, places.has("a"), places.has("t0")], [MOST_TARGETS, false, true]);
});

Deno.test("what was kept is believed in nothing that it should not say", () => {
  for (const text of [null, "", "{", "null", "[]", "5", '{"a":5,"b":[],"c":{"/x":"1,2","y":[1,2],"/z":[1],"/w":["1",2],"/v":null}}']) {
    assertEquals(readPlaces(text), NOTHING, String(text));
  }
  assertEquals(readPlaces('{"__proto__":{"/x":[1,2]}}').get("__proto__"), new Map([["/x", { x: 1, y: 2 }]]));
  assertEquals(readPlaces(JSON.stringify({ ["a".repeat(600)]: { "/x": [1, 2] } })), NOTHING);
  assertEquals(readPlaces('{"a":{"/x":[1e999,-1e9]}}').get("a")?.get("/x"), { x: 0, y: -100_000 });
  assertEquals(readPreferred({ theme: "pink", language: ["en"], isUtc: "yes" }), { theme: "system", language: null, isUtc: false });
  assertEquals(THEMES.map((theme) => readPreferred({ theme }).theme), [...THEMES]);
});

Deno.test("by the time of day it is dark from seven in the evening to six in the morning", () => {
  const shades = Array.from({ length: 24 }, (_, hour) => shadeOf("time", new Date(2026, 0, 2, hour, 59, 59)));
  assertEquals(shades.flatMap((shade, hour) => shade === "dark" ? [hour] : []), [0, 1, 2, 3, 4, 5, 19, 20, 21, 22, 23]);
  const noon = new Date(2026, 0, 2, 12);
  assertEquals([shadeOf("system", noon), shadeOf("dark", noon), shadeOf("light", noon)], [null, "dark", "light"]);
});
