// One bed of the ward.

import { conditions, marks } from "/beds.js";
import { Sweep } from "/strip.js";

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (key === "class") made.className = value; else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Sets a text only where it is another: what does not change is not read out again. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setData(node, key, value) {
  if (value === null || value === undefined || value === "") delete node.dataset[key];
  else if (node.dataset[key] !== value) node.dataset[key] = value;
}

/** All that flashes flashes together, as IEC 60601-1-8 has it for alarms of one priority. */
export function flashTogether(node) {
  for (const animation of node.getAnimations({ subtree: true })) {
    if (animation.animationName?.startsWith("flash")) animation.startTime = 0;
  }
}

export function capitalised(text) { return text ? text[0].toUpperCase() + text.slice(1) : ""; }

/** "III high priority" in words for a screen reader. */
export function priorityWords(priority) {
  return priority === "technical" ? "technical alarm" : `${priority} priority`;
}

/** Heart rate as a number; nothing where it is not known now. A rate of beats that have ceased is none. */
export function rateText(bed, isLive) {
  const { heartRate, condition, state, alarms } = bed.status;
  const isOn = (kind) => alarms?.some((alarm) => alarm.kind === kind && !alarm.isLatched);
  if (!isLive || bed.isSilent || state === "ended" || (condition !== "good" && condition !== "noisy")) return "--";
  if (isOn("asystole")) return "0";
  return heartRate > 0 && !isOn("ventricularFibrillation") ? String(Math.round(heartRate)) : "--";
}

/** What to know about a bed beside its rate and its alarm: [kind, text]. */
export function chips(bed) {
  const found = [];
  const status = bed.status;
  if (bed.isSilent) {
    const seconds = Math.min(9999, Math.floor(bed.silentSeconds));
    found.push(["bad", Number.isFinite(bed.silentSeconds) ? `no samples for ${seconds} s` : "no samples"]);
  } else if (status.condition) {
    found.push([status.condition === "good" ? "good" : "bad", conditions[status.condition] ?? status.condition]);
  }
  for (const cause of status.suspicions ?? []) found.push(["attack", `${cause} suspected`]);
  if (status.state === "learning" && !bed.isSilent) found.push(["note", "learning"]);
  if (status.paced) found.push(["note", "paced"]);
  if (status.pause) {
    const what = status.pause.kind === "audio" ? "sound paused" : "alarms paused";
    found.push(["pause", `${what} ${Math.ceil(status.pause.seconds)} s`]);
  }
  return found;
}

export function showChips(holder, list) {
  const key = JSON.stringify(list);
  if (holder.dataset.key === key) return;
  holder.dataset.key = key;
  holder.replaceChildren(...list.map(([kind, text]) => element("span", { class: `chip ${kind}` }, text)));
}

export class Tile {
  constructor(bed, open) {
    this.bed = bed;
    this.alarm = element("span", { class: "tile-alarm" });
    this.mark = element("span", { class: "tile-mark", "aria-hidden": "true" });
    this.words = element("span", { class: "tile-words" });
    this.count = element("span", { class: "tile-count" });
    this.alarm.append(this.mark, this.words, this.count);
    this.button = element("button", { class: "tile-name", type: "button" }, bed.name);
    this.rate = element("span", { class: "number" }, "--");
    this.chips = element("span", { class: "chips" });
    this.gain = element("span", { class: "tile-gain" });
    this.canvas = element("canvas", { class: "strip", "aria-hidden": "true" });
    this.root = element("article", { class: "tile", "data-bed": bed.name },
      this.alarm,
      element("div", { class: "tile-head" },
        this.button,
        element("span", { class: "tile-rate" }, this.rate, element("span", { class: "unit" }, "/min"))),
      element("div", { class: "tile-strip" }, this.canvas, this.gain),
      this.chips);
    this.button.addEventListener("click", () => open(bed.name));
    this.sweep = null;
  }

  /** To be called when it is in the page and has its size. */
  layOut() {
    if (this.sweep) this.sweep.measure();
    else {
      this.sweep = new Sweep(this.canvas, this.bed, 0, {
        onGain: (gain) => setText(this.gain, gain === 10 ? "" : `${gain} mm/mV`),
      });
    }
  }

  update(isLive) {
    const { bed, root } = this;
    const alarm = bed.gravest;
    const isPaused = bed.status.pause?.kind === "alarm";
    setText(this.mark, alarm ? marks[alarm.priority] : "");
    setText(this.words, alarm ? capitalised(alarm.name) : capitalised(bed.status.rhythm ?? ""));
    setData(root, "long", this.words.textContent.length > 28 ? "yes" : null);
    const more = (bed.status.alarms?.length ?? 0) - 1;
    setText(this.count, more > 0 ? `+${more}` : "");
    const wasPriority = root.dataset.priority;
    setData(root, "priority", alarm && !isPaused ? alarm.priority : null);
    const flashes = alarm && !alarm.acknowledgedBy && !isPaused && isLive;
    setData(root, "flash", flashes ? "on" : null);
    if (wasPriority !== root.dataset.priority) requestAnimationFrame(() => flashTogether(root));
    setData(root, "acknowledged", alarm?.acknowledgedBy ? "yes" : null);
    setData(root, "silent", bed.isSilent ? "yes" : null);
    setText(this.rate, rateText(bed, isLive));
    showChips(this.chips, chips(bed));
    const words = [`rate ${rateText(bed, isLive).replace("--", "unknown")}`];
    const acknowledged = alarm?.acknowledgedBy ? ", acknowledged" : "";
    if (alarm) words.push(`${priorityWords(alarm.priority)}: ${alarm.name}${acknowledged}`);
    else if (bed.status.rhythm) words.push(bed.status.rhythm);
    const label = `${bed.name}, ${words.join(", ")}`;
    if (this.button.getAttribute("aria-label") !== label) this.button.setAttribute("aria-label", label);
  }

  frame() { this.sweep?.frame(); }
}
