"use strict";

function made(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

for (const table of document.querySelectorAll("table.sortable")) {
  const rows = table.tBodies[0].rows;
  for (const heading of rows.length > 1 ? table.tHead.rows[0].cells : []) {
    const button = made("button", { type: "button" }, heading.textContent);
    heading.replaceChildren(button);
    button.addEventListener("click", () => sort(table, heading));
  }
}

function sort(table, heading) {
  const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const isNumber = heading.classList.contains("number");
  const textOf = (row) => row.cells[heading.cellIndex].textContent;
  // Empty cells stay below the others in both orders.
  const compare = (a, b) => (isNumber ? a - b : a.localeCompare(b, undefined, { numeric: true }));
  const valueOf = (row) => (isNumber ? parseFloat(textOf(row).replace(/^[<>\u2264\u2265]\s*/, "").replace("\u2212", "-")) : textOf(row));
  const known = (value) => !(Number.isNaN(value) || value === "");
  const ordered = [...table.tBodies[0].rows].map((row) => [valueOf(row), row]);
  ordered.sort(([a], [b]) => (known(a) && known(b) ? sign * compare(a, b) : known(b) - known(a)));
  for (const [, row] of ordered) row.classList.remove("first");
  table.tBodies[0].append(...ordered.map(([, row]) => row));
}

const everyAudio = [...document.querySelectorAll("audio")];
for (const row of document.querySelectorAll(".players li")) join(row);

function join(row) {
  const audios = [...row.querySelectorAll("audio")];
  if (!audios.length) return;
  let position = 0;
  const name = row.querySelector("strong").textContent;
  const longest = Math.max(...audios.map((audio) => Number(audio.dataset.seconds)));
  const slider = made("input", { type: "range", min: 0, max: longest, step: 0.01, "aria-label": `Position in ${name}` });
  const clock = made("span", { "aria-hidden": "true" });
  row.querySelector(".systems").before(made("div", { class: "seek" }, slider, clock));

  const move = (seconds) => {
    position = seconds;
    slider.value = seconds;
    slider.setAttribute("aria-valuetext", `${seconds.toFixed(1)} s of ${longest.toFixed(1)} s`);
    clock.textContent = `${seconds.toFixed(1)} / ${longest.toFixed(1)} s`;
  };
  const start = (audio) => {
    for (const other of everyAudio) if (other !== audio) other.pause();
    if (position >= Number(audio.dataset.seconds) - 0.05) move(0);
    audio.currentTime = position;
    audio.play();
    // The others of the row are decoded now, so that a switch to them is instant.
    for (const other of audios) other.preload = "auto";
  };
  for (const audio of audios) {
    const system = audio.parentNode.querySelector(".name");
    const label = `Play ${audio.getAttribute("aria-label")}`;
    const button = made("button", { type: "button", "aria-label": label, "aria-pressed": false }, system.textContent);
    const show = () => button.setAttribute("aria-pressed", !audio.paused);
    system.hidden = true;
    audio.removeAttribute("controls");
    audio.hidden = true;
    audio.before(button);
    button.addEventListener("click", () => (audio.paused ? start(audio) : audio.pause()));
    audio.addEventListener("play", show);
    audio.addEventListener("pause", show);
    audio.addEventListener("ended", () => move(0));
    audio.addEventListener("timeupdate", () => audio.paused || move(audio.currentTime));
  }
  slider.addEventListener("input", () => {
    move(Number(slider.value));
    for (const audio of audios) if (!audio.paused) audio.currentTime = position;
  });
  move(0);
}

const systems = [...new Set([...document.querySelectorAll("[data-system]")].map((cell) => cell.dataset.system))];
if (systems.length > 2) {
  const box = made("fieldset", {}, made("legend", {}, "Systems shown"));
  for (const system of systems) {
    const check = made("input", { type: "checkbox", checked: "" });
    check.addEventListener("change", () => {
      for (const part of document.querySelectorAll("[data-system], [data-row]"))
        if (system === (part.dataset.system ?? part.dataset.row)) part.hidden = !check.checked;
      if (!check.checked) for (const audio of everyAudio) audio.pause();
    });
    box.append(made("label", {}, check, system));
  }
  document.querySelector("header").append(box);
}
