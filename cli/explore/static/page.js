// The page: its state is what stands behind # in the address; each change asks the server anew.

import { applies, declared, drawControls } from "./controls.js";
import { element } from "./elements.js";
import { drawPanels } from "./panels.js";

const byId = (id) => document.getElementById(id);
let tabs = {};
let name = "kernel";
let values = {};
let asking = false;
let askAgain = false;
let shown = null;
let quick = false;
let whole = 0;

// Milliseconds after a slider's last move until the whole follows a preview.
const QUIET = 250;

async function ask(path, options) {
  const response = await fetch(path, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

function readAddress() {
  const state = new URLSearchParams(location.hash.slice(1));
  const wanted = state.get("tab");
  name = wanted in tabs ? wanted : Object.keys(tabs)[0];
  state.delete("tab");
  values = Object.fromEntries(state);
}

function writeAddress() {
  const state = new URLSearchParams({ tab: name, ...stated() });
  history.replaceState(null, "", `#${state}`);
}

// What differs from the defaults, of the controls that apply.
function stated() {
  const { controls } = tabs[name];
  return Object.fromEntries(
    controls
      .filter((one) => applies(one, controls, values) && (values[one.name] ?? one.default) !== one.default)
      .map((one) => [one.name, values[one.name]]),
  );
}

function set(control, text, moving = false) {
  values[control] = text;
  const { controls } = tabs[name];
  const redraw = controls.some((one) => control in one.when);
  if (redraw) draw(control);
  writeAddress();
  refresh(moving);
}

function draw(focused) {
  drawControls(byId("controls"), tabs[name].controls, values, set, upload);
  byId("controls").append(
    element("button", { type: "button", class: "main", id: "show-code", text: "Python and command", onclick: openCode }),
    element("button", { type: "button", text: "Back to the defaults", onclick: () => { values = {}; go(name); } }),
  );
  if (focused) byId(focused)?.focus();
}

// One question at a time; what is set meanwhile is asked once, afterwards.
async function refresh(moving = false) {
  clearTimeout(whole);
  quick = moving;
  if (asking) {
    askAgain = true;
    return;
  }
  asking = true;
  byId("panels").classList.add("busy");
  const slow = setTimeout(() => { byId("state").textContent = "Working ..."; }, 600);
  do {
    askAgain = false;
    const asked = name;
    const query = quick ? "?preview" : "";
    const began = performance.now();
    try {
      const answer = await ask(`show/${asked}${query}`, { method: "POST", body: JSON.stringify(stated()) });
      if (asked !== name) continue;
      shown = answer;
      problem("");
      byId("show-code").disabled = !answer.python;
      drawPanels(byId("panels"), answer.panels, stateOf, set);
      const notes = answer.notes.map((text) => element("li", { text }));
      byId("notes").replaceChildren(...notes);
      byId("notes").hidden = !notes.length;
      clearTimeout(slow);
      const took = `Shown in ${Math.round(performance.now() - began)} ms`;
      byId("state").textContent = answer.preview ? `${took}. ${answer.preview}` : took;
    } catch (error) {
      if (asked === name) problem(error instanceof TypeError ? "The server does not answer; is gaborkit explore still running?" : error.message);
    }
  } while (askAgain);
  clearTimeout(slow);
  asking = false;
  if (shown?.preview) whole = setTimeout(refresh, QUIET);
  else byId("panels").classList.remove("busy");
}

function stateOf(control) {
  return values[control] ?? declared(control, tabs[name].controls, values)?.default ?? "";
}

function problem(text) {
  byId("problem").textContent = text;
  byId("problem").hidden = !text;
  if (text) {
    byId("state").textContent = "";
    shown = null;
  }
  const button = byId("show-code");
  if (button) button.disabled = Boolean(text);
}

function go(wanted) {
  name = wanted;
  byId("panels").replaceChildren();
  for (const tab of byId("tabs").children) {
    const selected = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", selected);
    tab.tabIndex = selected ? 0 : -1;
  }
  byId("stage").setAttribute("aria-labelledby", `tab-${name}`);
  byId("about").textContent = tabs[name].about;
  document.title = `${tabs[name].title} - gaborkit explore`;
  draw();
  writeAddress();
  refresh();
}

function drawTabs() {
  const names = Object.keys(tabs);
  byId("tabs").replaceChildren(...names.map((one) =>
    element("button", { type: "button", role: "tab", id: `tab-${one}`, "aria-controls": "stage", text: tabs[one].title,
      onclick: () => { if (one !== name) { values = {}; go(one); } } })));
  byId("tabs").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = names[(names.indexOf(name) + step + names.length) % names.length];
    values = {};
    go(next);
    byId(`tab-${next}`).focus();
  });
}

async function upload(file) {
  if (!file) return;
  try {
    const answer = await ask(`picture?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
    tabs = await ask("tabs");
    if (!tabs[name].controls.some((one) => one.kind === "picture")) name = "responses";
    values = { ...values, picture: answer.picture };
    for (const control of tabs[name].controls) {
      if (["pixel", "strokes"].includes(control.kind)) delete values[control.name]; // of another picture
    }
    go(name);
  } catch (error) {
    problem(error instanceof TypeError ? `${file.name}: the server took no more of it; give a smaller picture` : error.message);
  }
}

function openCode() {
  if (!shown) return;
  byId("python").textContent = shown.python;
  byId("command").textContent = shown.command;
  const files = Object.entries(shown.files).map(([file, address]) =>
    element("a", { href: address, download: file, text: `Save ${file}` }));
  byId("files").replaceChildren(...(files.length ? ["They read this file: ", ...files] : []));
  byId("files").hidden = !files.length;
  byId("code").showModal();
}

for (const kind of ["python", "command"]) {
  byId(`copy-${kind}`).addEventListener("click", async () => {
    await navigator.clipboard.writeText(byId(kind).textContent);
    byId(`copy-${kind}`).textContent = "Copied";
    setTimeout(() => { byId(`copy-${kind}`).textContent = kind === "python" ? "Copy Python" : "Copy command"; }, 1500);
  });
}
byId("close-code").addEventListener("click", () => byId("code").close());
byId("controls").addEventListener("submit", (event) => event.preventDefault());
addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
addEventListener("dragleave", () => document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  upload(event.dataTransfer.files[0]);
});
addEventListener("hashchange", () => { readAddress(); go(name); });

try {
  tabs = await ask("tabs");
  drawTabs();
  readAddress();
  go(name);
} catch (error) {
  problem(error.message);
}
