// Sheets on which a listener answers: sliders (mushra), five grades (mos), a preference (ab), an identity (abx).

import { element } from "./elements.js";

export const GRADES = ["Bad", "Poor", "Fair", "Good", "Excellent"];
// Digit keys of the stimuli; the two keys after them stand for the eleventh and the twelfth.
const STIMULUS_KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "-", "="];
const REFERENCE_KEYS = ["r", "t", "y"];
// A sound counts as played after this many seconds, or at its end.
const LEAST_HEARD_S = 1;
const ROUNDING_S = 0.05;

/** Return the grade of a score from 0 to 100. */
const gradeOf = (score) => GRADES[Math.min(Math.floor(score / 20), 4)];

/** Button that plays a sound. `key` is the key that does the same. */
class SoundButton {
  constructor(name, label, key, player) {
    Object.assign(this, { name, label, key, player });
    this.state = element("span", { class: "hidden" });
    this.node = element(
      "button",
      { type: "button", class: "sound", "aria-pressed": "false", "aria-keyshortcuts": key ?? null, onclick: () => this.press() },
      element("span", { class: "sign", "aria-hidden": "true" }),
      element("span", { class: "hidden" }, "Play "),
      element("span", { class: "label" }, label),
      key && key !== label.toLowerCase() ? element("kbd", { "aria-hidden": "true" }, key.toUpperCase()) : null,
      this.state,
    );
  }

  press() {
    const { player } = this;
    if (player.chosen === this.name) player.toggle();
    else {
      player.choose(this.name);
      player.play();
    }
  }

  /** Choose and play; the same key again goes on playing. */
  start() {
    this.player.choose(this.name);
    this.player.play();
  }

  get isHeard() {
    const length = this.player.lengths.get(this.name) ?? 0;
    return this.player.secondsOf(this.name) >= Math.min(LEAST_HEARD_S, length) - ROUNDING_S;
  }

  update() {
    const isChosen = this.player.chosen === this.name;
    this.node.setAttribute("aria-pressed", String(isChosen && this.player.playing));
    this.node.classList.toggle("chosen", isChosen);
    this.node.classList.toggle("heard", this.isHeard);
    this.state.textContent = this.isHeard ? ", played" : ", not yet played";
  }
}

/** Sheet of one page. `onchange` is called after every answer. */
class Sheet {
  constructor(page, order, player, onchange) {
    Object.assign(this, { page, order, player, onchange });
    this.references = page.references.map(
      (one, i) => new SoundButton(one.id, one.label, this.referenceKeys()[i] ?? null, player),
    );
    this.stimuli = order.map((id, i) => new SoundButton(id, this.labelOf(i), this.stimulusKeys()[i] ?? null, player));
    this.node = element("div", { class: "sheet" });
    if (this.references.length) {
      this.node.append(element("div", { class: "references" }, ...this.references.map((one) => one.node)));
    }
  }

  labelOf(i) {
    return String(i + 1);
  }

  stimulusKeys() {
    return STIMULUS_KEYS;
  }

  referenceKeys() {
    return REFERENCE_KEYS;
  }

  get sounds() {
    return [...this.references, ...this.stimuli];
  }

  /** Sounds that have to be played before the next page. */
  get needed() {
    return this.stimuli;
  }

  /** Sentences on all that is left to do. */
  missing() {
    const silent = this.needed.filter((one) => !one.isHeard).map((one) => one.label);
    return [...(silent.length ? [`Still to play: ${silent.join(", ")}.`] : []), ...this.unanswered()];
  }

  update() {
    for (const one of this.sounds) one.update();
  }

  /** Handle a key; return true if it meant something. */
  key(key) {
    const button = this.sounds.find((one) => one.key === key);
    if (!button) return false;
    button.start();
    this.focus(button);
    return true;
  }

  focus(button) {
    button.node.focus();
  }

  rows(common) {
    return this.order.map((id) => ({
      page: this.page.id,
      stimulus: id,
      score: null,
      chosen: null,
      plays: this.player.plays.get(id) ?? 0,
      ...this.answerOf(id),
      ...common,
    }));
  }
}

/** One slider a stimulus. */
class Sliders extends Sheet {
  constructor(...given) {
    super(...given);
    this.scores = new Map();
    this.columns = this.stimuli.map((button) => this._column(button));
    const labels = [...GRADES].reverse().map((grade) => element("span", {}, grade));
    this.node.append(
      element("div", { class: "scale" }, element("div", { class: "grades", "aria-hidden": "true" }, ...labels), ...this.columns),
    );
  }

  _column(button) {
    const slider = element("input", {
      type: "range",
      min: "0",
      max: "100",
      step: "1",
      value: "50",
      class: "unset",
      "aria-label": `Rating of sound ${button.label}`,
      "aria-valuetext": "not yet rated",
    });
    const shown = element("output", { "aria-hidden": "true" }, "–");
    Object.assign(button, { slider, shown });
    const take = () => this.set(button, Number(slider.value));
    slider.addEventListener("input", take);
    // A click on the handle rates too, though the value stays.
    slider.addEventListener("pointerup", take);
    slider.addEventListener("keydown", (event) => this._move(button, event));
    return element("div", { class: "column" }, button.node, element("div", { class: "track" }, slider), shown);
  }

  // Browsers disagree on what the arrows do to a vertical slider.
  _move(button, event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const value = Number(button.slider.value);
    const moves = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10, Home: -100, End: 100 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    this.set(button, Math.min(Math.max(value + moves[event.key], 0), 100));
  }

  set(button, score) {
    this.scores.set(button.name, score);
    button.slider.value = String(score);
    button.slider.classList.remove("unset");
    button.slider.setAttribute("aria-valuetext", `${score}, ${gradeOf(score)}`);
    button.shown.textContent = String(score);
    this.onchange();
  }

  update() {
    super.update();
    this.stimuli.forEach((one, i) => this.columns[i].classList.toggle("chosen", this.player.chosen === one.name));
  }

  focus(button) {
    (button.slider ?? button.node).focus();
  }

  unanswered() {
    const unset = this.stimuli.filter((one) => !this.scores.has(one.name)).map((one) => one.label);
    return unset.length ? [`Still to rate: ${unset.join(", ")}.`] : [];
  }

  answerOf(id) {
    return { score: this.scores.get(id) };
  }

  get draft() {
    return Object.fromEntries(this.scores);
  }

  restore(draft) {
    for (const button of this.stimuli) {
      if (Number.isFinite(draft[button.name])) this.set(button, draft[button.name]);
    }
  }
}

/** Sheet with one question of several answers. */
class Question extends Sheet {
  constructor(...given) {
    super(...given);
    this.value = null;
    this.inputs = this.options().map(([value]) =>
      element("input", { type: "radio", name: "answer", value, id: `answer-${value}` }),
    );
    const labels = this.options().map(([value, ...words], i) =>
      element("label", { for: `answer-${value}` }, this.inputs[i], ...words.map((word) => element("span", {}, word))),
    );
    for (const input of this.inputs) input.addEventListener("change", () => this.set(input.value));
    this.node.append(
      element("div", { class: "stimuli" }, ...this.stimuli.map((one) => one.node)),
      element("div", { class: this.inputs.length > 3 ? "answers many" : "answers", role: "radiogroup", "aria-labelledby": "question" }, ...labels),
    );
  }

  set(value) {
    this.value = value;
    for (const input of this.inputs) input.checked = input.value === value;
    this.onchange();
  }

  unanswered() {
    return this.value === null ? ["Still to answer: the question."] : [];
  }

  get draft() {
    return { value: this.value };
  }

  restore(draft) {
    if (this.inputs.some((input) => input.value === draft.value)) this.set(draft.value);
  }
}

/** Five grades for one stimulus. */
class Grades extends Question {
  labelOf() {
    return this.order.length > 1 ? super.labelOf(...arguments) : "Sound";
  }

  stimulusKeys() {
    return [];
  }

  options() {
    return GRADES.map((grade, i) => [String(i + 1), String(i + 1), grade]);
  }

  key(key) {
    const input = this.inputs.find((one) => one.value === key);
    if (!input) return super.key(key);
    this.set(key);
    input.focus();
    return true;
  }

  answerOf() {
    return { score: Number(this.value) };
  }
}

/** Preference for one of two stimuli, or none. */
class Preference extends Question {
  labelOf(i) {
    return "AB"[i] ?? super.labelOf(i);
  }

  stimulusKeys() {
    return ["a", "b"];
  }

  options() {
    return [["0", "A"], ["none", "No preference"], ["1", "B"]];
  }

  key(key) {
    return super.key({ 1: "a", 2: "b" }[key] ?? key);
  }

  answerOf(id) {
    return { chosen: this.order[Number(this.value)] === id ? 1 : 0 };
  }
}

/** Which of two stimuli is X. */
class Identity extends Preference {
  referenceKeys() {
    return ["x", ...REFERENCE_KEYS];
  }

  options() {
    return [["0", "X is A"], ["1", "X is B"]];
  }

  get needed() {
    return this.sounds;
  }

  key(key) {
    return super.key(key === "r" ? "x" : key);
  }
}

const SHEETS = { mushra: Sliders, mos: Grades, ab: Preference, abx: Identity };
export const KEYS = {
  mushra: "1 to 9, 0, - and =: play a sound and go to its slider. R, T, Y: play a reference. Arrows, Page up and down, Home, End: move the slider.",
  mos: "1 to 5: answer. R: play the reference.",
  ab: "A and B, or 1 and 2: play a sound. Arrows: change the answer.",
  abx: "A, B and X: play a sound. Arrows: change the answer.",
};

/** Return the sheet of a page. */
export function sheetFor(kind, ...given) {
  return new SHEETS[kind](...given);
}
