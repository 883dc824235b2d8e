// Waveform of a page: position, and the part to repeat, by pointer and by keyboard.

import WaveSurfer from "./wavesurfer.esm.js";
import { element } from "./elements.js";

export const WAVEFORM_HEIGHT_PX = 72;
// A shorter movement of the pointer is a click.
const SHORTEST_DRAG_PX = 6;
const STEP_S = 0.25;

/** Return seconds with two decimals. */
const written = (seconds) => seconds.toFixed(2);

/** Waveform with position and repeated part of a `Player`. */
export class Waveform {
  constructor(player, peaks) {
    this.player = player;
    this.cursor = element("div", { class: "cursor" });
    this.part = element("div", { class: "part", hidden: true });
    this.drawing = element("div", { class: "drawing", "aria-hidden": "true" });
    this.surface = element(
      "div",
      {
        class: "waveform",
        role: "slider",
        tabindex: "0",
        "aria-label": "Position in the sound. Drag to repeat a part.",
        "aria-valuemin": "0",
        "aria-valuemax": written(player.duration),
      },
      this.drawing,
      this.part,
      this.cursor,
    );
    this.surface.addEventListener("pointerdown", (event) => this._drag(event));
    this.surface.addEventListener("keydown", (event) => this._key(event));
    this.surfer = WaveSurfer.create({
      container: this.drawing,
      height: WAVEFORM_HEIGHT_PX,
      peaks: [peaks],
      duration: Math.max(player.duration, 0.001),
      interact: false,
      cursorWidth: 0,
      ...this._colours(),
    });
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.recolour = () => this.surfer.setOptions(this._colours());
    this.scheme.addEventListener("change", this.recolour);
    this._follow();
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.scheme.removeEventListener("change", this.recolour);
    this.surfer.destroy();
  }

  /** Show the state of the player. */
  update() {
    const { duration, loop, position } = this.player;
    const percent = (seconds) => `${(100 * seconds) / (duration || 1)}%`;
    this.cursor.style.left = percent(position);
    this.part.hidden = loop === null;
    if (loop) Object.assign(this.part.style, { left: percent(loop[0]), width: percent(loop[1] - loop[0]) });
  }

  /** Tell assistive technology the position; not on every frame, which would make it talk without end. */
  announce() {
    const { duration, position } = this.player;
    this.surface.setAttribute("aria-valuenow", written(position));
    this.surface.setAttribute("aria-valuetext", `${written(position)} of ${written(duration)} seconds`);
  }

  _colours() {
    const colour = getComputedStyle(document.documentElement).getPropertyValue("--wave").trim();
    return { waveColor: colour, progressColor: colour };
  }

  _follow() {
    this.update();
    this.frame = requestAnimationFrame(() => this._follow());
  }

  _secondsAt(event) {
    const box = this.surface.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * this.player.duration;
  }

  _drag(down) {
    if (down.button !== 0) return;
    const from = this._secondsAt(down);
    const isDrag = (event) => Math.abs(event.clientX - down.clientX) >= SHORTEST_DRAG_PX;
    const span = (event) => [from, this._secondsAt(event)].sort((a, b) => a - b);
    this.surface.setPointerCapture(down.pointerId);
    const listeners = new AbortController();
    const on = (type, action) => this.surface.addEventListener(type, action, { signal: listeners.signal });
    on("pointermove", (event) => {
      if (!isDrag(event)) return;
      const [start, end] = span(event);
      cancelAnimationFrame(this.frame);
      this.part.hidden = false;
      const percent = (seconds) => `${(100 * seconds) / this.player.duration}%`;
      Object.assign(this.part.style, { left: percent(start), width: percent(end - start) });
    });
    on("pointercancel", () => {
      listeners.abort();
      this._follow();
    });
    on("pointerup", (event) => {
      listeners.abort();
      if (isDrag(event)) this.player.setLoop(...span(event));
      else this._seek(from);
      cancelAnimationFrame(this.frame);
      this._follow();
    });
  }

  /** Go to a position; outside the repeated part, the whole is played again. */
  _seek(seconds) {
    const { loop } = this.player;
    if (loop && (seconds < loop[0] || seconds > loop[1])) this.player.setLoop();
    this.player.seek(seconds);
  }

  _key(event) {
    const { player } = this;
    const places = {
      ArrowLeft: player.position - STEP_S,
      ArrowDown: player.position - STEP_S,
      ArrowRight: player.position + STEP_S,
      ArrowUp: player.position + STEP_S,
      PageDown: player.position - 4 * STEP_S,
      PageUp: player.position + 4 * STEP_S,
      Home: 0,
      End: player.duration,
    };
    if (!(event.key in places) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    this._seek(Math.min(Math.max(places[event.key], 0), player.duration));
  }
}
