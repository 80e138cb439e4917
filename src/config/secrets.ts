/** Values of environment variables that come from `secret_ref`. */
import type { Problem } from "../base/mod.ts";
import type { Lookup } from "./placeholders.ts";
import { isRaw, type Raw } from "./pointer.ts";

/** Returns the children with their secret references resolved; what is missing is reported without ever showing a value. */
export function resolveSecrets(raw: Raw, lookup: Lookup, report: (problem: Problem) => void): Raw {
  const resolveChildren = (children: unknown, pointer: string): unknown =>
    Array.isArray(children) ? children.map((child, index) => resolveChild(child, `${pointer}/${index}`)) : children;

  function resolveChild(child: unknown, pointer: string): unknown {
    if (!isRaw(child)) return child;
    const { environment, secrets, run } = child;
    const supervisor = isRaw(run) ? run["supervisor"] : undefined;
    const inner = isRaw(run) && isRaw(supervisor)
      ? {
        run: {
          ...run,
          supervisor: { ...supervisor, children: resolveChildren(supervisor["children"], `${pointer}/run/supervisor/children`) },
        },
      }
      : {};
    if (!Array.isArray(environment)) return { ...child, ...inner };
    const variables = environment.map((variable, index) =>
      resolveVariable(variable, secrets, `${pointer}/environment/${index}/secret_ref`)
    );
    return { ...child, ...inner, environment: variables };
  }

  function resolveVariable(variable: unknown, secrets: unknown, pointer: string): unknown {
    if (!isRaw(variable) || typeof variable["secret_ref"] !== "string" || variable["value"] !== undefined) return variable;
    const name = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/.exec(variable["secret_ref"])?.[1];
    if (name === undefined) return variable;
    const value = valueOf(name);
    if (value !== undefined) return { name: variable["name"], value, secret: true };
    const declared = Array.isArray(secrets) ? secrets.find((secret) => isRaw(secret) && secret["name"] === name) : undefined;
    const optional = isRaw(declared) && declared["required"] === false;
    const reason = `secret "${name}" is not set${optional ? ", so that the variable is left out" : ""}`;
    report({
      severity: optional ? "warning" : "error",
      rule: "runtime_secret_miss",
      pointer,
      reason,
      hint: `Set environment variable ${name}`,
    });
    return { name: variable["name"] };
  }

  function valueOf(name: string): string | undefined {
    try {
      return lookup(name);
    } catch {
      return undefined;
    }
  }

  return { ...raw, children: resolveChildren(raw["children"], "/children") };
}
