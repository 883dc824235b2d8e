// Playback of several sounds at one position, with instant switching between them.

/** Length of the cross-fade between two sounds, in seconds. */
export const FADE_S = 0.01;
// Changes are scheduled this much ahead, in seconds: a ramp that begins in the past would start with a step.
const LEAD_S = 0.02;
const SHORTEST_LOOP_S = 0.1;

/** Gain that moves to a target within `FADE_S`, from the value that it has then. */
class FadedGain {
  constructor(context, value) {
    this.context = context;
    this.node = context.createGain();
    this.node.gain.value = value;
    this.from = this.to = value;
    this.start = 0;
  }

  _valueAt(time) {
    const part = Math.min(Math.max((time - this.start) / FADE_S, 0), 1);
    return this.from + (this.to - this.from) * part;
  }

  moveTo(target, time) {
    if (target === this.to) return;
    const value = this._valueAt(time);
    this.node.gain.cancelScheduledValues(time);
    this.node.gain.setValueAtTime(value, time);
    this.node.gain.linearRampToValueAtTime(target, time + FADE_S);
    Object.assign(this, { from: value, to: target, start: time });
  }
}

/**
 * Player of the sounds of one page. All sounds run from one start, so that they stay together to the sample; only the gain of
 * the chosen sound is not zero. `onchange` is called after each change of state, and at the end.
 */
export class Player {
  constructor(context, destination = context.destination) {
    this.context = context;
    this.master = context.createGain();
    this.master.connect(destination);
    this.onchange = () => {};
    this.load(new Map());
  }

  /** Take the sounds of a page, AudioBuffers by name. Shorter ones are followed by silence. */
  load(sounds) {
    this._stop();
    this.lengths = new Map([...sounds].map(([name, buffer]) => [name, buffer.duration]));
    this.duration = Math.max(0, ...this.lengths.values());
    this.sounds = sounds;
    this.chosen = null;
    this.loop = null;
    this.repeats = false;
    this.offset = 0;
    this.plays = new Map();
    this.heard = new Map();
    this.parts = new Map();
  }

  get playing() {
    return this.run !== null;
  }

  /** Position in seconds from the start of the sounds. */
  get position() {
    if (!this.run) return this.offset;
    const [start, end] = this._span();
    const elapsed = Math.max(0, this.context.currentTime - this.run.time);
    const place = this.run.offset - start + elapsed;
    return start + (this._loops() ? place % (end - start) : Math.min(place, end - start));
  }

  set volume(value) {
    this.master.gain.setTargetAtTime(value, this.context.currentTime, FADE_S);
  }

  /** Choose a sound. While another one plays, switch to it at the same position; a sound that is over begins anew. */
  choose(name) {
    if (name === this.chosen) return;
    this._mark();
    this.chosen = name;
    if (this.run) {
      this._count();
      this._leaveLoop();
      if (this.position >= this.lengths.get(name)) this.seek(this._span()[0]);
      const time = this.context.currentTime + LEAD_S;
      for (const [other, gain] of this.run.gains) gain.moveTo(other === name ? 1 : 0, time);
    }
    this.onchange();
  }

  play() {
    if (this.run || this.chosen === null) return;
    this._leaveLoop();
    const [start, end] = this._span();
    const last = Math.min(end, this.lengths.get(this.chosen)) - FADE_S;
    const offset = this.offset < start || this.offset >= last ? start : this.offset;
    // It waits for a gesture of the user; OfflineAudioContext refuses it.
    this.context.resume().catch(() => {});
    this._start(offset);
    this._count();
    this.onchange();
  }

  pause() {
    if (!this.run) return;
    this._mark();
    this.offset = this.position;
    this._stop();
    this.onchange();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  /** Go to a position in seconds. */
  seek(position) {
    const [start, end] = this._span();
    const offset = Math.min(Math.max(position, start), Math.max(start, end - FADE_S));
    this._restart(offset);
    this.onchange();
  }

  /** Repeat the part from `start` to `end`, in seconds; without them, the whole again. */
  setLoop(start = null, end = null) {
    const position = this.position;
    if (start === null || end - start < SHORTEST_LOOP_S) this.loop = null;
    else this.loop = [Math.max(0, start), Math.min(end, this.duration)];
    this.parts = new Map();
    const [from, to] = this._span();
    this._restart(position < from || position > to - FADE_S ? from : position);
    this.onchange();
  }

  /** Give up a loop in which the chosen sound is silent, since it is over before. */
  _leaveLoop() {
    if (this.loop && this.loop[0] >= this.lengths.get(this.chosen)) this.setLoop();
  }

  /** Stop where the chosen sound is over, though a longer one is not; call it now and then. */
  stopAtEnd() {
    const { run } = this;
    if (!run || this._loops() || this.position < this.lengths.get(this.chosen)) return;
    this._mark();
    this._stop();
    this.offset = 0;
    this.onchange();
  }

  setRepeats(repeats) {
    const position = this.position;
    this.repeats = repeats;
    this.parts = new Map();
    this._restart(position);
    this.onchange();
  }

  /** Add the time since the last call to the time for which the chosen sound was heard. */
  _mark() {
    if (!this.run) return;
    const now = this.context.currentTime;
    const since = Math.max(0, now - Math.max(this.marked, this.run.time));
    if (this.chosen !== null) this.heard.set(this.chosen, (this.heard.get(this.chosen) ?? 0) + since);
    this.marked = now;
  }

  /** Return the seconds for which a sound was heard. */
  secondsOf(name) {
    this._mark();
    return this.heard.get(name) ?? 0;
  }

  _count() {
    this.plays.set(this.chosen, (this.plays.get(this.chosen) ?? 0) + 1);
  }

  _loops() {
    return this.loop !== null || this.repeats;
  }

  _span() {
    return this.loop ?? [0, this.duration];
  }

  _restart(offset) {
    this._mark();
    this.offset = offset;
    if (!this.run) return;
    this._stop();
    this._start(offset, true);
  }

  /** Start all sounds. Anywhere but at the start of a part that nothing played before, the sounds are faded in. */
  _start(offset, isFaded = offset > this._span()[0]) {
    const { context } = this;
    const time = context.currentTime + LEAD_S;
    const [start] = this._span();
    const all = new FadedGain(context, isFaded ? 0 : 1);
    all.moveTo(1, time);
    all.node.connect(this.master);
    const run = { time, offset, all, gains: new Map(), sources: [] };
    for (const name of this.sounds.keys()) {
      const source = context.createBufferSource();
      source.buffer = this._part(name);
      source.loop = this._loops();
      const gain = new FadedGain(context, name === this.chosen ? 1 : 0);
      source.connect(gain.node).connect(all.node);
      source.start(time, offset - start);
      run.sources.push(source);
      run.gains.set(name, gain);
    }
    run.sources[0].onended = () => this._end(run);
    this.marked = time;
    this.run = run;
  }

  _stop() {
    const run = this.run;
    this.run = null;
    if (!run) return;
    const time = this.context.currentTime + LEAD_S;
    run.all.moveTo(0, time);
    for (const source of run.sources) source.stop(time + FADE_S);
  }

  _end(run) {
    if (this.run !== run) return;
    this._mark();
    this.run = null;
    this.offset = this._span()[0];
    this.onchange();
  }

  /** Return the part of a sound that is played. The ends of a part that repeats are faded, since a jump would click. */
  _part(name) {
    if (this.parts.has(name)) return this.parts.get(name);
    const buffer = this.sounds.get(name);
    const rate = buffer.sampleRate;
    const [start, end] = this._span().map((seconds) => Math.round(seconds * rate));
    const part = this.context.createBuffer(buffer.numberOfChannels, Math.max(1, end - start), rate);
    for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
      const samples = part.getChannelData(channel);
      samples.set(buffer.getChannelData(channel).subarray(start, end));
      if (this._loops()) fadeEnds(samples, Math.round((FADE_S / 2) * rate));
    }
    this.parts.set(name, part);
    return part;
  }
}

function fadeEnds(samples, length) {
  for (let i = 0; i < Math.min(length, samples.length / 2); i++) {
    const gain = i / length;
    samples[i] *= gain;
    samples[samples.length - 1 - i] *= gain;
  }
}

/**
 * Return the peaks of a waveform of `duration` seconds, from 0 to 1: for each of `count` spans the largest magnitude over all
 * `buffers`.
 */
export function peaksOf(buffers, duration, count = 800) {
  const peaks = new Float32Array(count);
  for (const buffer of buffers) {
    const samples = buffer.getChannelData(0);
    const span = (duration * buffer.sampleRate) / count;
    for (let i = 0; i < samples.length; i++) {
      const place = Math.min(count - 1, Math.floor(i / span));
      peaks[place] = Math.max(peaks[place], Math.abs(samples[i]));
    }
  }
  const largest = Math.max(...peaks);
  return largest > 0 ? peaks.map((peak) => peak / largest) : peaks;
}
