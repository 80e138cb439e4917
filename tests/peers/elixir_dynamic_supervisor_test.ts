/** Elixir's dynamic_supervisor_test.exs, case by case. */
import { CASES as START } from "./elixir/start.ts";
import { CASES as TERMINATE } from "./elixir/terminate.ts";
import { type PeerCase, registerCases } from "./helpers.ts";

const CASES: readonly PeerCase[] = [...START, ...TERMINATE];

/** The cases of the suite; `start_link/3` and `code_change/3` tell two of one name apart. */
const NAMES: readonly string[] = [
  "can be supervised directly",
  "multiple supervisors can be supervised and identified with simple child spec",
  "generates child_spec/1",
  "set default options",
  "start_link/3 with non-ok init",
  "with registered process",
  "with spawn_opt",
  "sets initial call to the same as a regular supervisor",
  "code_change/3 with non-ok init",
  "code_change/3 with ok init",
  "supports old child spec",
  "supports new child spec as tuple",
  "supports new child spec",
  "supports extra arguments",
  "with invalid child spec",
  "with different returns",
  "with throw/error/exit",
  "with max_children",
  "temporary child is not restarted regardless of reason",
  "transient child is restarted unless normal/shutdown/{shutdown, _}",
  "permanent child is restarted regardless of reason",
  "child is restarted with different values",
  "restarting on init children counted in max_children",
  "restarting on exit children counted in max_children",
  "restarting a child with extra_arguments successfully restarts child",
  "child is restarted when trying again",
  "child triggers maximum restarts",
  "child triggers maximum intensity when trying again",
  "with valid shutdown",
  "with invalid valid shutdown",
  "terminates children with brutal kill",
  "terminates children with infinity shutdown",
  "terminates children with infinity shutdown and abnormal reason",
  "terminates children with integer shutdown",
  "terminates children with integer shutdown and abnormal reason",
  "terminates children with expired integer shutdown",
  "terminates children with permanent restart and normal reason",
  "terminates with mixed children",
  "terminates child with brutal kill",
  "terminates child with integer shutdown",
  "terminates restarting child",
];

registerCases("elixir", NAMES, CASES);
