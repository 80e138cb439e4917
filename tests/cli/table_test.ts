import { assertEquals } from "@std/assert";
import { renderTable } from "../../src/cli/table.ts";

Deno.test("renderTable() prints the heading alone when there are no rows", () => {
  assertEquals(renderTable(["NAME", "VALUE"], []), "NAME  VALUE\n");
});

Deno.test("renderTable() leaves no blanks at the ends of lines", () => {
  assertEquals(renderTable(["A", "B", "C"], [["1", "", ""], ["1", "2", ""]]), "A  B  C\n1\n1  2\n");
});

Deno.test("renderTable() takes missing cells for empty ones", () => {
  assertEquals(renderTable(["A", "B"], [["1"], ["long", "x"]]), "A     B\n1\nlong  x\n");
});
