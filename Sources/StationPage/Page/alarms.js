// The list of alarms that are on in the whole ward, and what a screen reader is told of them.

import { marks, priorities } from "/beds.js";
import { capitalised, element, flashTogether, priorityWords } from "/tile.js";

const shown = 8;

/** Alarms that nobody has acknowledged, the gravest first. */
export function openAlarms(ward) {
  const found = [];
  for (const bed of ward.sorted) {
    if (bed.status.pause?.kind === "alarm") continue;
    for (const alarm of bed.status.alarms ?? []) if (!alarm.acknowledgedBy) found.push({ bed, alarm });
  }
  return found.sort((a, b) => priorities.indexOf(a.alarm.priority) - priorities.indexOf(b.alarm.priority));
}

/** The gravest priority that is to be heard; null: silence. Technical alarms sound as low ones. */
export function toneOf(ward) {
  const heard = openAlarms(ward).filter(({ bed }) => !bed.isPaused);
  if (heard.length === 0) return null;
  const gravest = heard[0].alarm.priority;
  return gravest === "technical" ? "low" : gravest;
}

export class AlarmBar {
  constructor(nodes, open) {
    this.nodes = nodes;
    this.open = open;
    this.key = "";
    this.announced = new Set();
  }

  update(ward) {
    const alarms = openAlarms(ward).filter(({ alarm }) => alarm.priority === "high" || alarm.priority === "medium");
    this.announce(ward);
    const key = alarms.map(({ bed, alarm }) => `${bed.name}/${alarm.id}`).join(" ");
    if (key === this.key) return;
    this.key = key;
    const items = alarms.slice(0, shown).map(({ bed, alarm }) => {
      const button = element("button", { type: "button", class: "alarm", "data-priority": alarm.priority },
        element("b", {}, bed.name), ` ${marks[alarm.priority]} ${capitalised(alarm.name)}`);
      button.setAttribute("aria-label", `${bed.name}: ${alarm.name}, ${priorityWords(alarm.priority)}`);
      button.addEventListener("click", () => this.open(bed.name));
      return button;
    });
    if (alarms.length > shown) items.push(element("span", { class: "quiet" }, `and ${alarms.length - shown} more`));
    this.nodes.bar.replaceChildren(...items);
    flashTogether(this.nodes.bar);
  }

  /** Every alarm is said once, those of high priority at once. */
  announce(ward) {
    const on = new Set();
    const said = { high: [], other: [] };
    for (const bed of ward.sorted) {
      for (const alarm of bed.status.alarms ?? []) {
        const key = `${bed.name}/${alarm.id}`;
        on.add(key);
        if (this.announced.has(key) || alarm.acknowledgedBy) continue;
        if (alarm.priority === "low") continue;
        const words = `${bed.name}: ${alarm.name}, ${priorityWords(alarm.priority)}.`;
        said[alarm.priority === "high" ? "high" : "other"].push(words);
      }
    }
    this.announced = on;
    if (said.high.length) this.nodes.high.textContent = said.high.join(" ");
    if (said.other.length) this.nodes.other.textContent = said.other.join(" ");
  }
}
