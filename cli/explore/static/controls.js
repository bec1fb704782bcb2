// Controls of a tab: what the server declares, as labelled inputs. Values are texts, as in the address.

import { element, short } from "./elements.js";

/** Draw controls into a form; changed(name, text, moving) is called as a person sets one. */
export function drawControls(form, controls, values, changed, upload) {
  form.replaceChildren();
  for (const control of controls) {
    if (!applies(control, controls, values)) continue;
    const text = values[control.name] ?? control.default;
    const make = makers[control.kind];
    if (make) form.append(make(control, text, (value, moving) => changed(control.name, value, moving), upload));
  }
}

/** Whether a control is shown beside these values. */
export function applies(control, controls, values) {
  return Object.entries(control.when).every(([name, allowed]) => {
    const other = declared(name, controls, values);
    if (!other) return false;
    return allowed.map(String).includes(values[name] ?? other.default);
  });
}

/** The control of a name, which may differ with the values of others. */
export function declared(name, controls, values) {
  return controls.find((one) => one.name === name && applies(one, controls, values));
}

const makers = { slider, choice, flag, picture, numbers };

function help(control) {
  return control.help ? element("p", { class: "help", id: `${control.name}-help`, text: control.help }) : null;
}

// A slider and a number that say the same; of a logarithmic one the slider's way is in thousandths.
function pair(id, { least, most, step, log, unit, label, help: words }, text, changed) {
  const span = Math.log(most / least);
  const toWay = (x) => (log ? Math.round((1000 * Math.log(x / least)) / span) : x);
  const digits = step >= 1 ? 0 : Math.ceil(-Math.log10(step));
  const toNumber = (way) =>
    log ? Number(Math.min(most, Math.max(least, least * Math.exp((way * span) / 1000))).toFixed(digits)) : Number(way);
  const described = words ? `${id}-help` : null;
  const number = element("input", {
    type: "number", id, min: least, max: most, step: log ? "any" : step, value: text, "aria-describedby": described,
    onchange: () => {
      const value = Math.min(most, Math.max(least, Number(number.value) || 0));
      number.value = value;
      range.value = toWay(value);
      range.setAttribute("aria-valuetext", `${number.value} ${unit ?? ""}`);
      changed(number.value);
    },
  });
  const range = element("input", {
    type: "range", min: log ? 0 : least, max: log ? 1000 : most, step: log ? 5 : step, value: toWay(Number(text)),
    "aria-label": `${label}, slider`, "aria-valuetext": `${text} ${unit ?? ""}`,
    oninput: () => {
      number.value = short(toNumber(range.value));
      range.setAttribute("aria-valuetext", `${number.value} ${unit ?? ""}`);
      changed(number.value, true);
    },
  });
  range.value = toWay(Number(text)); // after its limits are there
  return element("div", { class: "pair" }, range, number, element("span", { class: "unit", text: unit ?? "" }));
}

function slider(control, text, changed) {
  return element("div", { class: "control" },
    element("label", { for: control.name, text: control.label }), pair(control.name, control, text, changed), help(control));
}

function numbers(control, text, changed) {
  const values = text ? text.split(",") : [];
  const rows = Array.from({ length: control.count }, (_, k) =>
    element("div", { class: "numbered" }, element("label", { for: `${control.name}-${k}`, text: String(k) }),
      pair(`${control.name}-${k}`, { ...control, label: `${control.label} ${k}`, help: "" }, values[k] || "0", (value, moving) => {
        values[k] = value;
        changed(Array.from({ length: control.count }, (_, j) => values[j] || "0").join(",").replace(/(,0)+$|^0$/, ""), moving);
      })));
  return element("fieldset", { class: "control" }, element("legend", { text: control.label }), help(control), ...rows);
}

function choice(control, text, changed) {
  const select = element("select", { id: control.name, "aria-describedby": control.help ? `${control.name}-help` : null,
    onchange: () => changed(select.value) },
    ...control.options.map((word) => element("option", { value: word, text: word, selected: word === text })));
  return element("div", { class: "control" }, element("label", { for: control.name, text: control.label }), select, help(control));
}

function flag(control, text, changed) {
  const box = element("input", { type: "checkbox", id: control.name, checked: text === "1",
    onchange: () => changed(box.checked ? "1" : "0") });
  return element("div", { class: "control" },
    element("label", { class: "flag" }, box, element("span", { text: control.label })), help(control));
}

function picture(control, text, changed, upload) {
  const options = control.options.includes(text) ? control.options : [text, ...control.options];
  const node = choice({ ...control, options }, text, changed);
  const file = element("input", { type: "file", id: `${control.name}-file`, onchange: () => upload(file.files[0]) });
  node.append(element("label", { for: file.id, text: "Your own" }), file);
  return node;
}
