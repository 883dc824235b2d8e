// One page with sounds: waveform, controls, sheet, and the button that goes on.

import { element } from "./elements.js";
import { GRADES, KEYS, sheetFor } from "./rating.js";
import { Player, peaksOf } from "./sound.js";
import { Waveform } from "./waveform.js";

const TICK_MS = 100;
const SAVE_MS = 1000;

let shared = null;

/** Return the player of all pages; browsers allow few audio contexts. */
function playerAt(sampleRate) {
  if (!shared) {
    let context;
    try {
      context = new AudioContext({ sampleRate });
    } catch {
      // Some browsers take only the rate of the device.
      context = new AudioContext();
    }
    shared = new Player(context);
  }
  return shared;
}

const loading = new Map();

/** Return the decoded sound `id`; each is loaded once. */
function soundOf(id, connection, context) {
  if (!loading.has(id)) {
    const sound = connection.fetch(`stimuli/${id}.wav`).then((bytes) => context.decodeAudioData(bytes));
    loading.set(id, sound);
    sound.catch(() => loading.delete(id));
  }
  return loading.get(id);
}

const idsOf = (page) => [...page.references.map((one) => one.id), ...page.stimuli];

/** Page with sounds. `ondone(rows)` is called when the listener goes on. */
export class RatingPage {
  constructor(given) {
    Object.assign(this, given);
    this.player = playerAt(this.test.sample_rate);
    this.listeners = new AbortController();
    this.seconds = 0;
  }

  async open() {
    this.show(this.place, element("p", { role: "status" }, "The sounds are being loaded …"));
    const { context } = this.player;
    const load = (page) => Promise.all(idsOf(page).map((id) => soundOf(id, this.connection, context)));
    const ids = idsOf(this.page);
    const buffers = await load(this.page);
    // Sounds of earlier pages are no longer needed.
    const kept = new Set([...ids, ...(this.upcoming ? idsOf(this.upcoming) : [])]);
    for (const id of loading.keys()) if (!kept.has(id)) loading.delete(id);
    if (this.upcoming) load(this.upcoming).catch(() => {});
    this.player.load(new Map(ids.map((id, i) => [id, buffers[i]])));
    this._build(buffers);
    this._restore();
    this._listen();
    this._update();
  }

  _build(buffers) {
    const { page, player, test } = this;
    this.sheet = sheetFor(test.kind, page, this.order, player, () => this._changed());
    this.playButton = element("button", { type: "button", class: "play", onclick: () => this._toggle() });
    this.clock = element("span", { class: "clock" });
    this.notice = element("p", { class: "notice", role: "status" });
    this.nextButton = element("button", { type: "button", class: "primary", onclick: () => this._next() }, "Next");
    const shown = page.references.length ? [buffers[0]] : buffers;
    this.waveform = new Waveform(player, peaksOf(shown, player.duration));
    const question = element("span", { id: "question", lang: test.language }, page.question || test.question);
    this.show(
      [element("span", { class: "hidden" }, `${this.place}. `), question],
      page.role === "training" ? element("p", { class: "note" }, "This page is for practice; its answers do not count.") : null,
      page.text ? element("p", { class: "said", lang: test.language }, page.text) : null,
      this._transport(),
      this.sheet.node,
      element("div", { class: "onward" }, this.notice, this.nextButton),
      this._help(),
    );
  }

  _transport() {
    const button = (label, key, onclick) =>
      element("button", { type: "button", "aria-keyshortcuts": key, onclick }, `${label} `, element("kbd", { "aria-hidden": "true" }, key));
    this.repeat = element("input", { type: "checkbox" });
    this.repeat.addEventListener("change", () => this.player.setRepeats(this.repeat.checked));
    const volume = element("input", { type: "range", min: "0", max: "1", step: "0.05", value: this.keeper.get("volume", 1), "aria-label": "Volume" });
    const turn = () => (this.player.volume = Number(volume.value));
    turn();
    volume.addEventListener("input", turn);
    volume.addEventListener("change", () => this.keeper.set("volume", Number(volume.value)));
    this.clear = button("whole", "\\", () => this.player.setLoop());
    return element(
      "section",
      { class: "transport", "aria-label": "Playback" },
      this.waveform.surface,
      element(
        "div",
        { class: "controls" },
        this.playButton,
        this.clock,
        element("label", { class: "inline" }, this.repeat, "Repeat"),
        element(
          "div",
          { class: "inline", role: "group", "aria-label": "Part to repeat" },
          element("span", { "aria-hidden": "true" }, "Part:"),
          button("from here", "[", () => this._loopFrom()),
          button("to here", "]", () => this._loopTo()),
          this.clear,
        ),
        element("label", { class: "inline volume" }, "Volume", volume),
      ),
    );
  }

  _help() {
    return element(
      "details",
      {},
      element("summary", {}, "Keys"),
      element(
        "p",
        {},
        `Space: play or pause. ${KEYS[this.test.kind]} [ and ]: repeat from and to this position. \\: play the whole again.`,
      ),
      this.test.kind === "mushra"
        ? element("p", {}, `Grades: ${GRADES.map((grade, i) => `${grade} ${20 * i} to ${20 * (i + 1)}`).join(", ")}.`)
        : null,
    );
  }

  _listen() {
    const { signal } = this.listeners;
    document.addEventListener("keydown", (event) => this._key(event), { signal });
    addEventListener("pagehide", () => this._save(), { signal });
    this.player.onchange = () => this._update();
    this.last = performance.now();
    this.timer = setInterval(() => this._tick(), TICK_MS);
    this.saver = setInterval(() => this._save(), SAVE_MS);
  }

  _close() {
    this.listeners.abort();
    clearInterval(this.timer);
    clearInterval(this.saver);
    this.player.pause();
    this.player.onchange = () => {};
    this.waveform.destroy();
  }

  _toggle() {
    if (this.player.chosen === null) this.player.choose(this.sheet.sounds[0].name);
    this.player.toggle();
  }

  _loopFrom() {
    const { duration, loop, position } = this.player;
    const end = loop && loop[1] > position ? loop[1] : duration;
    this.player.setLoop(position, end);
  }

  _loopTo() {
    const { loop, position } = this.player;
    const start = loop && loop[0] < position ? loop[0] : 0;
    this.player.setLoop(start, position);
  }

  _key(event) {
    if (event.ctrlKey || event.metaKey || (event.altKey && !"[]\\".includes(event.key))) return;
    const target = event.target;
    if (target.matches('input[type="text"]')) return;
    // Space on these does what it always does.
    const isNative = target.matches('button, summary, input[type="checkbox"], input[type="radio"]:not(:checked)');
    const actions = {
      " ": isNative ? null : () => this._toggle(),
      "[": () => this._loopFrom(),
      "]": () => this._loopTo(),
      "\\": () => this.player.setLoop(),
    };
    const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1];
    const key = event.key.toLowerCase();
    if (Object.hasOwn(actions, key)) {
      if (!actions[key]) return;
      actions[key]();
    } else if (!this.sheet.key(event.shiftKey && digit ? digit : key) && !(digit && this.sheet.key(digit))) return;
    event.preventDefault();
  }

  _tick() {
    const now = performance.now();
    if (!document.hidden) this.seconds += (now - this.last) / 1000;
    this.last = now;
    this.player.stopAtEnd();
    if (this.player.playing) this._update();
  }

  _update() {
    const { player } = this;
    this.sheet.update();
    this.playButton.textContent = player.playing ? "Pause" : "Play";
    this.clock.textContent = `${player.position.toFixed(1)} / ${player.duration.toFixed(1)} s`;
    this.clear.disabled = player.loop === null;
    this.nextButton.classList.toggle("incomplete", this.sheet.missing().length > 0);
    if (!player.playing) this.waveform.announce();
    if (this.notice.textContent) this._tell();
  }

  _changed() {
    this._update();
    this._save();
  }

  _tell() {
    const text = this.sheet.missing().join(" ");
    if (this.notice.textContent !== text) this.notice.textContent = text;
  }

  /** Keep the page as it is, for a reload. */
  _save() {
    const { plays } = this.player;
    const heard = this.sheet.sounds.map((one) => [one.name, this.player.secondsOf(one.name)]);
    const draft = { page: this.page.id, answer: this.sheet.draft, plays: [...plays], heard, seconds: this.seconds };
    this.keeper.set("draft", draft);
  }

  _restore() {
    const draft = this.keeper.get("draft");
    if (draft?.page !== this.page.id) return;
    this.player.plays = new Map(draft.plays);
    this.player.heard = new Map(draft.heard);
    this.seconds = draft.seconds;
    this.sheet.restore(draft.answer);
  }

  _next() {
    this._tell();
    if (this.sheet.missing().length) return;
    this._close();
    this.keeper.remove("draft");
    const seconds = Math.round(100 * this.seconds) / 100;
    this.ondone(this.sheet.rows({ seconds, position: this.position }));
  }
}
