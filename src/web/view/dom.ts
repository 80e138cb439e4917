/** Makes elements; foreign text goes in as text alone, never as markup. */
/// <reference lib="dom" />
import { Component, type ComponentChild, type ComponentType, createElement } from "preact";

/** What a part of the page gives. */
export type View = ComponentChild;

/** Attributes and listeners of an element. */
export type Props = Readonly<Record<string, unknown>> | null;

/** An element. */
export function el(tag: string, props: Props, ...children: View[]): View {
  return createElement(tag, props, ...children);
}

/** A part that has a state of its own. */
export function part<P extends object>(component: ComponentType<P>, props: P & { readonly key?: string | number }): View {
  return createElement(component, props);
}

/** A part that is made anew only when something that it is given is another one. */
export function steady<P extends object>(make: (props: Readonly<P>) => View): ComponentType<P> {
  return class extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const before: Readonly<P> = this.props;
      return Object.entries(next).some(([name, value]) => Reflect.get(before, name) !== value);
    }

    override render(): View {
      return make(this.props);
    }
  };
}

/** Names of classes, of those that hold. */
export function classes(...names: readonly (string | false | null | undefined)[]): string {
  return names.filter((name) => typeof name === "string" && name !== "").join(" ");
}

/** The text that somebody typed or chose. */
export function valueOf(event: Event): string {
  const { target } = event;
  return target instanceof HTMLInputElement || target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement
    ? target.value
    : "";
}

/** Whether somebody ticked a box. */
export function isTicked(event: Event): boolean {
  return event.target instanceof HTMLInputElement && event.target.checked;
}
