/** Begins the page. */
/// <reference lib="dom" />
import { render } from "preact";
import { App } from "./view/app.ts";
import { part } from "./view/dom.ts";
import { Root } from "./view/root.ts";

const app = new App();
const place = document.getElementById("app");
if (place !== null) render(part(Root, { app }), place);
app.session.connect();
