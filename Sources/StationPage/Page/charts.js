// Charts that are drawn whole: the trend of the rate, RR intervals, the strip of a past alarm.

import { colours, drawBeat } from "/strip.js";

function prepare(canvas) {
  const box = canvas.getBoundingClientRect();
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const [width, height] = [Math.max(1, Math.round(box.width)), Math.max(1, Math.round(box.height))];
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "12px system-ui, sans-serif";
  return { context, width, height };
}

const left = 40;
const bottom = 20;
const top = 8;

/** Lines and numbers at even steps. Returns the place of a value. */
function axis(context, width, height, least, greatest, step) {
  const y = (value) => top + (height - top - bottom) * (1 - (value - least) / (greatest - least));
  context.strokeStyle = colours.line;
  context.fillStyle = colours.ink;
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (let value = least; value <= greatest + 1e-9; value += step) {
    context.beginPath();
    context.moveTo(left, y(value));
    context.lineTo(width, y(value));
    context.stroke();
    context.fillText(String(value), left - 6, y(value));
  }
  return y;
}

/** What a trend's axis reaches at least and at most, and where its lines are. */
export const heartRate = { least: 120, most: 400, step: 40, coarse: 80, unit: "/min", none: "no rate yet" };
export const intervalLength = { least: 1200, most: 2800, step: 400, coarse: 800, unit: "ms", none: "no beats yet" };

/**
 * `trend`: [[minute since 1970, mean, least, greatest] ...]; `now` in ms. Shows an hour at least, a day at most. What
 * is beyond the axis is cut off.
 */
export function drawTrend(canvas, trend, now, kind) {
  const { context, width, height } = prepare(canvas);
  if (trend.length === 0) return kind.none;
  const lastMinute = now / 60000;
  const span = Math.min(1440, Math.max(60, Math.ceil((lastMinute - trend[0][0]) / 60) * 60));
  const from = lastMinute - span;
  const seen = trend.filter(([minute]) => minute >= from - 1);
  if (seen.length === 0) return kind.none;
  const highest = Math.ceil(Math.max(...seen.map((point) => point[3])) / kind.step) * kind.step;
  const greatest = Math.min(kind.most, Math.max(kind.least, highest));
  const y = axis(context, width, height, 0, greatest, greatest > 2 * kind.least ? kind.coarse : kind.step);
  const bounded = (value) => y(Math.min(value, greatest));
  const x = (minute) => left + ((width - left - 4) * (minute - from)) / span;
  const hours = span <= 120 ? 0.5 : span <= 480 ? 1 : 4;
  context.textAlign = "center";
  context.textBaseline = "top";
  const start = new Date(from * 60000);
  start.setMinutes(0, 0, 0);
  for (let at = start.getTime() / 60000; at <= lastMinute; at += hours * 60) {
    if (at < from + span * 0.02) continue;
    context.fillText(new Date(at * 60000).toTimeString().slice(0, 5), Math.min(x(at), width - 18), height - bottom + 5);
  }
  context.fillStyle = colours["trace-quiet"];
  const thickness = Math.max(2, (width - left) / span);
  for (const [minute, , low, high] of seen) {
    context.fillRect(x(minute), bounded(high), thickness, Math.max(1, bounded(low) - bounded(high)));
  }
  context.fillStyle = colours.trace;
  for (const [minute, mean] of seen) context.fillRect(x(minute), bounded(mean) - 1, thickness, 2.5);
  return `${Math.round(seen.at(-1)[1])} ${kind.unit} last`;
}

/** `intervals`: [[class letter, RR in ms] ...], oldest first. */
export function drawIntervals(canvas, intervals) {
  const { context, width, height } = prepare(canvas);
  if (intervals.length === 0) return "no beats yet";
  const greatest = Math.max(1200, Math.ceil(Math.max(...intervals.map(([, ms]) => ms)) / 400) * 400);
  const y = axis(context, width, height, 0, greatest, greatest > 2400 ? 800 : 400);
  const step = (width - left - 8) / Math.max(120, intervals.length);
  for (const [number, [letter, milliseconds]] of intervals.entries()) {
    const known = letter === "?" ? "Q" : letter;
    context.fillStyle = letter === "N" ? colours.trace : colours[known];
    const size = letter === "N" ? 3 : 5;
    const x = left + 4 + number * step;
    if (letter === "N") context.fillRect(x - size / 2, y(milliseconds) - size / 2, size, size);
    else {
      context.font = "800 11px system-ui, sans-serif";
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(letter, x, y(milliseconds));
    }
  }
  return `${intervals.at(-1)[1]} ms last`;
}

/** The strip around an alarm: every lead below the other, beats above, the onset as a line. */
export function drawPast(canvas, strip) {
  const { context, width, height } = prepare(canvas);
  const millimetre = parseFloat(getComputedStyle(canvas).getPropertyValue("--mm")) || 3.78;
  const pixels = (25 * millimetre) / strip.rate;
  const room = (height - 18) / strip.values.length;
  for (const [begin, end] of strip.suspected ?? []) {
    const from = Math.max(0, (begin - strip.from) * pixels);
    const until = Math.min(width, ((end ?? Infinity) - strip.from) * pixels);
    context.fillStyle = colours.suspected;
    if (until > from) context.fillRect(from, height - 6, until - from, 6);
  }
  const onset = (strip.onset - strip.from) * pixels;
  if (onset >= 0 && onset <= width) {
    context.strokeStyle = colours.high;
    context.lineWidth = 2;
    context.setLineDash([6, 4]);
    context.beginPath();
    context.moveTo(onset, 18);
    context.lineTo(onset, height);
    context.stroke();
    context.setLineDash([]);
  }
  context.lineWidth = 1.5;
  context.lineJoin = "round";
  for (const [lead, values] of strip.values.entries()) {
    const valid = values.filter((value) => value !== null).sort((a, b) => a - b);
    const middle = (valid[valid.length >> 1] ?? 0) / 200;
    context.strokeStyle = colours.trace;
    context.beginPath();
    let isDown = false;
    for (const [number, value] of values.entries()) {
      if (value === null) {
        isDown = false;
        continue;
      }
      const y = 18 + room * (lead + 0.58) - (value / 200 - middle) * 10 * millimetre;
      const bounded = Math.min(height - 1, Math.max(18, y));
      if (isDown) context.lineTo(number * pixels, bounded); else context.moveTo(number * pixels, bounded);
      isDown = true;
    }
    context.stroke();
    context.fillStyle = colours.ink;
    context.textAlign = "left";
    context.textBaseline = "top";
    context.font = "700 13px system-ui, sans-serif";
    context.fillText(strip.leads[lead] ?? "", 6, 18 + room * lead + 4);
  }
  for (const [at, letter] of strip.beats) drawBeat(context, (at - strip.from) * pixels, letter);
  // Wide enough for all of it: 20 s at 25 mm/s.
  return ((strip.values[0]?.length ?? 0) * pixels);
}
