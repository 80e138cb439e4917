/** Commands: the buttons, and the dialog that asks why. */
/// <reference lib="dom" />
import { useEffect, useRef, useState } from "preact/hooks";
import type { Child } from "../model/child.ts";
import { commandsFor, makesSense } from "../model/commands.ts";
import type { Target } from "../model/store.ts";
import { t, word } from "../text/mod.ts";
import type { App, Asked } from "./app.ts";
import { classes, el, isTicked, valueOf, type View } from "./dom.ts";
import { button, foreign } from "./pieces.ts";

/** The commands for a child, or for the tree. */
export function commandButtons(app: App, target: Target, child: Child | null): View {
  const path = child?.path ?? "/";
  const commands = commandsFor(target, app.role, child);
  const isReachable = app.session.state === "open" && target.connection === "connected";
  if (commands.length === 0) return el("p", { class: "muted" }, t("command.none"));
  return el(
    "div",
    { class: "commands", "data-testid": "commands" },
    el("span", { class: "sr", "data-testid": "command-target-path" }, foreign(path, 256)),
    ...commands.map((command) => {
      const isPending = app.isPending(target.id, path, command.name);
      const isSensible = makesSense(command, child);
      const isOff = isPending || !isReachable || !isSensible;
      const title = !isReachable ? t("command.offline") : !isSensible ? t("command.senseless") : undefined;
      return el(
        "button",
        {
          key: command.name,
          type: "button",
          class: classes("button", command.isDangerous && "is-dangerous"),
          // One that were disabled would lose the focus when its command is given.
          "aria-disabled": isOff ? "true" : undefined,
          title,
          "aria-busy": isPending ? "true" : undefined,
          "data-testid": `command-${command.name}`,
          onClick: () => {
            if (isOff) return;
            app.asked = { command, target: target.id, path };
            app.refresh();
          },
        },
        isPending ? el("span", { class: "spinner", "aria-hidden": "true" }) : null,
        word("command", command.name),
        isPending ? el("span", { class: "sr" }, t("command.pending")) : null,
      );
    }),
  );
}

const REASONS = ["incident", "deploy", "maintenance", "stuck"] as const;

interface Props {
  readonly app: App;
  readonly asked: Asked;
}

/** Asks why, and whether somebody is sure. The browser keeps the focus inside, and Esc leaves. */
export function CommandDialog({ app, asked }: Props): View {
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState("");
  const [isSure, setSure] = useState(false);
  const [typed, setTyped] = useState("");
  const [template, setTemplate] = useState("");
  const [count, setCount] = useState("1");
  const [manifest, setManifest] = useState("");
  const [isDry, setDry] = useState(asked.command.needs.includes("dry_run"));
  useEffect(() => dialog.current?.showModal(), []);
  const { command, target, path } = asked;
  const { needs } = command;
  const name = path === "/" ? app.store.targets.get(target)?.name ?? target : path.slice(path.lastIndexOf("/") + 1);
  const mustConfirm = command.isDangerous && !(needs.includes("dry_run") && isDry);
  const isComplete = reason.trim() !== "" && (!mustConfirm || isSure) && (!command.isTyped || typed === name) &&
    (!needs.includes("template") || template.trim() !== "") && (!needs.includes("count") || /^\d{1,5}$/.test(count)) &&
    (!needs.includes("manifest") || manifest.trim() !== "");
  const close = (): void => {
    // Closed by itself it gives the focus back to where it was; taken away while open it would not.
    if (dialog.current?.open === true) dialog.current.close();
    app.asked = null;
    app.refresh();
  };
  const send = (event: Event): void => {
    event.preventDefault();
    if (!isComplete) return;
    const more = {
      ...needs.includes("template") ? { template: template.trim() } : {},
      ...needs.includes("count") ? { count: Number(count) } : {},
      ...needs.includes("dry_run") && isDry ? { dry_run: true } : {},
    };
    app.give(asked, reason.trim(), mustConfirm, more, needs.includes("manifest") ? manifest : null);
    close();
  };
  const label = word("command", command.name);
  const effect = EFFECTS.find((key) => key === `effect.${command.name}`);
  return el(
    "dialog",
    {
      ref: dialog,
      class: "dialog",
      "aria-labelledby": "dialog-title",
      "data-testid": "command-dialog",
      onClose: close,
      onClick: (event: MouseEvent) => event.target === dialog.current && close(),
    },
    el(
      "form",
      { onSubmit: send },
      el("h2", { id: "dialog-title" }, t("dialog.of", { command: label, name: foreign(path === "/" ? name : path, 128) })),
      effect === undefined ? null : el("p", { class: "warning" }, t(effect)),
      needs.includes("template") ? field(t("dialog.template"), "template", el("input", input("template", template, setTemplate))) : null,
      needs.includes("count")
        ? field(t("dialog.count"), "count", el("input", { ...input("count", count, setCount), type: "number", min: 0, max: 10_000 }))
        : null,
      needs.includes("manifest")
        ? field(
          t("dialog.manifest"),
          "manifest",
          el("textarea", { ...input("manifest", manifest, setManifest), rows: 7, spellcheck: false }),
        )
        : null,
      needs.includes("dry_run") ? tick(t("dialog.dryRun"), isDry, setDry, "dry-run") : null,
      field(
        t("dialog.reason"),
        "reason",
        el("input", {
          ...input("reason", reason, setReason),
          maxLength: 512,
          required: true,
          "aria-describedby": "reason-hint",
        }),
      ),
      el("p", { class: "muted", id: "reason-hint" }, t("dialog.reasonHint")),
      el(
        "div",
        { class: "templates", role: "group", "aria-label": t("dialog.templates") },
        ...REASONS.map((key) => button(t(`reason.${key}`), () => setReason(t(`reason.${key}`)), { class: "small" })),
      ),
      command.isTyped
        ? field(
          t("dialog.typed", { name: foreign(name, 128) }),
          "typed",
          el("input", { ...input("typed", typed, setTyped), autocomplete: "off" }),
        )
        : null,
      mustConfirm ? tick(t("dialog.confirm"), isSure, setSure, "confirm-command") : null,
      el(
        "div",
        { class: "dialog-end" },
        button(t("dialog.cancel"), close),
        el("button", {
          type: "submit",
          class: classes("button", "is-main", command.isDangerous && "is-dangerous"),
          disabled: !isComplete,
          "data-testid": "command-send",
        }, t("dialog.send", { command: label })),
      ),
    ),
  );
}

const EFFECTS = ["effect.remove_child", "effect.shutdown_tree", "effect.scale", "effect.add_child", "effect.reload"] as const;

function field(label: string, id: string, control: View): View {
  return el("label", { class: "field", htmlFor: `dialog-${id}` }, el("span", null, label), control);
}

function input(id: string, value: string, set: (value: string) => void): Record<string, unknown> {
  return { id: `dialog-${id}`, class: "input", value, "data-testid": `dialog-${id}`, onInput: (event: Event) => set(valueOf(event)) };
}

function tick(label: string, isOn: boolean, set: (isOn: boolean) => void, id: string): View {
  return el(
    "label",
    { class: "tick" },
    el("input", { type: "checkbox", checked: isOn, "data-testid": id, onChange: (event: Event) => set(isTicked(event)) }),
    el("span", null, label),
  );
}
