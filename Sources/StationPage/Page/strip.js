// Sweeping strips. Each frame draws only what is new; the grid is the canvas's background.

/** Colours are the style sheet's. */
export const colours = {};

export function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["trace", "trace-quiet", "N", "S", "V", "F", "Q", "suspected", "ink", "line", "high"]) {
    colours[name] = style.getPropertyValue(`--${name}`).trim();
  }
  colours.version = (colours.version ?? 0) + 1;
}

const eraser = 22;
const labelHeight = 18;

export class Sweep {
  constructor(canvas, bed, lead, options = {}) {
    this.canvas = canvas;
    this.bed = bed;
    this.lead = lead;
    this.lineWidth = options.lineWidth ?? 1.6;
    this.showsBeats = options.showsBeats ?? true;
    this.context = canvas.getContext("2d");
    this.isVisible = true;
    this.gain = 10;
    this.onGain = options.onGain;
    this.marked = new Set();
    this.measure();
  }

  /** Takes over the canvas's size, and one millimetre in pixels. */
  measure() {
    const box = this.canvas.getBoundingClientRect();
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    this.width = Math.max(1, Math.round(box.width));
    this.height = Math.max(1, Math.round(box.height));
    this.canvas.width = this.width * ratio;
    this.canvas.height = this.height * ratio;
    this.ratio = ratio;
    this.millimetre = parseFloat(getComputedStyle(this.canvas).getPropertyValue("--mm")) || 3.78;
    this.drawn = null;
  }

  get pixelsPerSample() { return (25 * this.millimetre) / this.bed.rate; }

  x(index) {
    const place = (index * this.pixelsPerSample) % this.width;
    return place < 0 ? place + this.width : place;
  }

  y(millivolts) { return this.middle - (millivolts - this.baseline) * this.gain * this.millimetre; }

  /** Baseline and gain hold for a whole sweep, so that nothing within it is bent. */
  settle(index) {
    this.baseline = this.bed.middle(this.lead, index, 4);
    const [least, greatest] = this.bed.extent(this.lead, index, 4);
    const room = this.height - labelHeight - 6;
    let gain = 10;
    while (gain > 1.25 && (greatest - least) * gain * this.millimetre > room) gain /= 2;
    // The baseline lies a little below the middle, unless a peak would be cut off there.
    const above = (greatest - this.baseline) * gain * this.millimetre;
    const below = (this.baseline - least) * gain * this.millimetre;
    this.middle = Math.min(Math.max(this.height * 0.6, labelHeight + above + 2), this.height - below - 4);
    if (gain !== this.gain) {
      this.gain = gain;
      this.onGain?.(gain);
    }
  }

  frame() {
    const { bed, context } = this;
    if (!this.isVisible || bed.cursor === null) return;
    const cursor = Math.floor(bed.cursor);
    const span = Math.floor((this.width - eraser) / this.pixelsPerSample);
    const version = `${bed.version}/${colours.version}`;
    let first = this.drawn;
    if (first === null || version !== this.version || cursor - first > span || cursor < first) {
      this.version = version;
      this.marked.clear();
      context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
      context.clearRect(0, 0, this.width, this.height);
      first = cursor - span;
      this.settle(cursor);
    } else if (this.x(cursor) < this.x(first)) {
      this.settle(cursor);
    }
    if (cursor > first) this.draw(first, cursor);
    this.drawn = cursor;
    // What follows is drawn over by the next frames: a letter waits until it has its place for itself.
    const letter = 10 / this.pixelsPerSample;
    if (this.showsBeats) this.drawBeats(cursor - span + letter, cursor - letter);
  }

  draw(first, last) {
    const { context } = this;
    this.erase(first, last);
    context.lineWidth = this.lineWidth;
    context.lineJoin = "round";
    context.strokeStyle = colours.trace;
    context.beginPath();
    let isDown = false;
    let previous = -1;
    for (let index = first; index <= last; index += 1) {
      const value = this.bed.value(this.lead, index);
      const x = this.x(index);
      if (Number.isNaN(value) || x < previous) isDown = false;
      if (!Number.isNaN(value)) {
        const y = Math.min(this.height - 1, Math.max(1, this.y(value)));
        if (isDown) context.lineTo(x, y); else context.moveTo(x, y);
        isDown = true;
      }
      previous = x;
    }
    context.stroke();
    this.drawSuspected(first, last);
  }

  /** Clears what is about to be drawn, and a gap ahead of it. */
  erase(first, last) {
    const from = this.x(first) + 0.8;
    const length = (last - first) * this.pixelsPerSample + eraser;
    this.context.clearRect(from, 0, Math.min(length, this.width - from), this.height);
    if (from + length > this.width) this.context.clearRect(0, 0, from + length - this.width, this.height);
  }

  drawSuspected(first, last) {
    for (const [from, to] of this.bed.status.suspected ?? []) {
      const begin = Math.max(first, from);
      const end = Math.min(last, to ?? Infinity);
      if (end < begin) continue;
      this.context.fillStyle = colours.suspected;
      for (let index = begin; index <= end; index += 1) {
        this.context.fillRect(this.x(index), this.height - 6, this.pixelsPerSample + 0.5, 6);
      }
    }
  }

  drawBeats(first, last) {
    for (let number = this.bed.beats.length - 1; number >= 0; number -= 1) {
      const [at, letter] = this.bed.beats[number];
      if (at < first) break;
      if (at > last || this.marked.has(at)) continue;
      this.marked.add(at);
      drawBeat(this.context, this.x(at), letter);
    }
    if (this.marked.size > 300) this.marked = new Set([...this.marked].filter((at) => at >= first));
  }
}

/** A beat's letter in its class's colour, and a tick below it. */
export function drawBeat(context, x, letter) {
  const known = letter === "?" ? "Q" : letter;
  context.fillStyle = colours[known] ?? colours.Q;
  context.font = `${letter === "N" ? "600 11px" : "800 14px"} system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "top";
  if (letter !== "N") {
    context.globalAlpha = 0.22;
    context.fillRect(x - 8, 0, 16, 16);
    context.globalAlpha = 1;
  }
  context.fillText(letter, x, letter === "N" ? 3 : 1);
  context.fillRect(x - 0.75, 16, 1.5, 5);
}
