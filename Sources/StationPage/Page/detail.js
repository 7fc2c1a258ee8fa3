// One bed in full: all leads, trends, past alarms, and what may be done.

import { drawIntervals, drawPast, drawTrend, heartRate, intervalLength } from "/charts.js";
import { marks } from "/beds.js";
import { LimitsView } from "/limits.js";
import { Sweep } from "/strip.js";
import {
  capitalised, chips, element, flashTogether, priorityWords, rateText, setData, setText, showChips,
} from "/tile.js";

const byId = (id) => document.getElementById(id);

/** Time of day; before today with the date. */
function whenWords(time) {
  if (!time) return "--:--:--";
  const date = new Date(time);
  const isToday = date.toDateString() === new Date().toDateString();
  const clock = date.toTimeString().slice(0, 8);
  return isToday ? clock : `${date.toLocaleDateString()} ${clock}`;
}

export class BedView {
  /** `send(message)` passes a message to the daemon; `others()` gives what to say of other beds. */
  constructor(send) {
    this.send = send;
    this.dialog = byId("bed");
    this.bed = null;
    this.sweeps = [];
    this.intervals = [];
    this.trend = [];
    this.intervalTrend = [];
    this.history = [];
    this.strips = new Map();
    this.openStrip = null;
    this.number = 0;
    this.limits = new LimitsView((action, fields) => this.command(action, fields));
    byId("bed-close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => this.closed());
    byId("by").value = localStorage.getItem("by") ?? "";
    byId("by").addEventListener("change", () => localStorage.setItem("by", byId("by").value.trim()));
    byId("acknowledge-all").addEventListener("click", () => this.command("acknowledge"));
    byId("pause-audio").addEventListener("click", () => this.command("pauseAudio"));
    byId("pause-alarm").addEventListener("click", () => this.command("pauseAlarm"));
    byId("resume").addEventListener("click", () => this.command("resume"));
  }

  get isOpen() { return this.dialog.open; }

  open(bed, mayCommand) {
    this.closed();
    this.bed = bed;
    setText(byId("bed-name"), bed.name);
    byId("bed-commands").hidden = !mayCommand;
    byId("view-only").hidden = mayCommand;
    setText(byId("reply"), "");
    byId("history").replaceChildren();
    byId("bed-alarms").replaceChildren();
    this.limits.take(null);
    if (!this.dialog.open) this.dialog.showModal();
    this.send({ type: "open", bed: bed.name });
    this.layOut();
    location.hash = `bed=${encodeURIComponent(bed.name)}`;
  }

  /** The daemon has to be told again after a reconnect. */
  openAgain() { if (this.bed) this.send({ type: "open", bed: this.bed.name }); }

  closed() {
    if (this.limits.dialog.open) this.limits.dialog.close();
    if (this.bed) this.send({ type: "close" });
    this.bed = null;
    for (const { observer } of this.sweeps) observer?.disconnect();
    this.sweeps = [];
    this.leadsKey = "";
    this.alarmsKey = "";
    this.historyKey = "";
    this.intervals = [];
    this.trend = [];
    this.intervalTrend = [];
    this.history = [];
    this.strips.clear();
    this.openStrip = null;
    if (location.hash.startsWith("#bed=")) history.replaceState(null, "", location.pathname);
  }

  /** A strip for each lead. */
  layOut() {
    const { bed } = this;
    if (!bed) return;
    const leads = bed.status.leads?.length ? bed.status.leads : [{ name: "" }];
    const key = leads.map((lead) => lead.name).join("/");
    if (key === this.leadsKey) {
      for (const sweep of this.sweeps) sweep.measure();
      return;
    }
    this.leadsKey = key;
    const holder = byId("bed-leads");
    holder.replaceChildren();
    holder.dataset.count = String(Math.min(leads.length, 12));
    this.sweeps = leads.map((lead, number) => {
      const canvas = element("canvas", { class: "strip", "aria-hidden": "true" });
      const name = element("span", { class: "lead-name" }, lead.name || "ECG");
      const gain = element("span", { class: "tile-gain" });
      holder.append(element("div", { class: "lead" }, canvas, name, gain));
      return new Sweep(canvas, bed, number, {
        lineWidth: 2, showsBeats: number === 0,
        onGain: (value) => setText(gain, value === 10 ? "" : `${value} mm/mV`),
      });
    });
    setText(byId("bed-scale"), "25 mm/s, 10 mm/mV");
  }

  take(message) {
    if (!this.bed || message.bed !== this.bed.name) return;
    switch (message.type) {
      case "bed":
        this.trend = message.trend;
        this.intervalTrend = message.intervalTrend;
        this.intervals = message.intervals;
        this.history = message.history;
        this.limits.take(message.limits, true);
        this.bed.takeStrip(message.strip);
        this.bed.version += 1;
        this.layOut();
        this.drawCharts();
        this.showHistory();
        break;
      case "detail":
        this.bed.takeStrip(message.strip);
        if (message.trend) {
          this.trend = message.trend;
          this.intervalTrend = message.intervalTrend;
          this.drawsIntervals = true;
        }
        if (message.limits) this.limits.take(message.limits);
        if (message.history) {
          this.history = message.history;
          this.showHistory();
        }
        break;
      case "strip":
        this.strips.set(message.alarm, message);
        this.showStrip();
        break;
    }
  }

  takeBeats(bed, beats) {
    if (bed !== this.bed) return;
    for (const [, letter, interval] of beats) if (interval > 0) this.intervals.push([letter, interval]);
    this.intervals = this.intervals.slice(-240);
    this.drawsIntervals = true;
  }

  takeReply(reply) {
    this.limits.takeReply(reply);
    setText(byId("reply"), `${reply.result === "done" ? "Done" : "Not done"}: ${reply.text}`);
  }

  /** To be called a few times a second. */
  update(isLive, mayCommand, others) {
    const { bed } = this;
    if (!bed) return;
    this.layOutIfNeeded();
    setText(byId("bed-rate"), rateText(bed, isLive));
    setText(byId("bed-rhythm"), capitalised(bed.status.rhythm ?? ""));
    showChips(byId("bed-chips"), chips(bed));
    setData(this.dialog, "silent", bed.isSilent ? "yes" : null);
    setData(this.dialog, "priority", bed.gravest?.priority ?? null);
    for (const id of ["acknowledge-all", "pause-audio", "pause-alarm", "resume"]) byId(id).disabled = !isLive;
    byId("resume").hidden = !bed.status.pause;
    this.showAlarms(isLive && mayCommand);
    const line = byId("bed-others");
    setText(line, others.text);
    setData(line, "priority", others.priority);
    if (this.drawsIntervals) this.drawCharts();
  }

  layOutIfNeeded() {
    const leads = this.bed.status.leads ?? [];
    if (leads.length && leads.map((lead) => lead.name).join("/") !== this.leadsKey) this.layOut();
    for (const [number, lead] of leads.entries()) {
      const name = this.sweeps[number]?.canvas.nextElementSibling;
      const words = lead.condition && lead.condition !== "good" ? `${lead.name} (${lead.words})` : lead.name || "ECG";
      if (name) setText(name, words);
    }
  }

  showAlarms(mayCommand) {
    const alarms = this.bed.status.alarms ?? [];
    const key = JSON.stringify(alarms) + mayCommand;
    if (key === this.alarmsKey) return;
    this.alarmsKey = key;
    const nodes = alarms.map((alarm) => {
      let words = alarm.isLatched ? "over, kept until acknowledged" : "";
      if (alarm.acknowledgedBy) words = `acknowledged by ${alarm.acknowledgedBy}`;
      const node = element("div", { class: "alarm-card", "data-priority": alarm.priority,
        "data-flash": alarm.acknowledgedBy ? null : "on" },
        element("strong", {}, `${marks[alarm.priority]} ${capitalised(alarm.name)}`),
        element("span", { class: "heard" }, priorityWords(alarm.priority)),
        element("span", { class: "alarm-text" }, alarm.text),
        words ? element("span", { class: "alarm-note" }, words) : null);
      if (mayCommand && !alarm.acknowledgedBy) {
        const button = element("button", { type: "button" }, "Acknowledge");
        button.setAttribute("aria-label", `Acknowledge ${alarm.name}`);
        button.addEventListener("click", () => this.command("acknowledge", { kind: alarm.kind, alert: alarm.number }));
        node.append(button);
      }
      return node;
    });
    byId("bed-alarms").replaceChildren(...nodes);
    flashTogether(byId("bed-alarms"));
  }

  /** `fields`: what the command is about. Returns its number; null: it was not sent. */
  command(action, fields = {}) {
    const by = byId("by").value.trim();
    if (!by) {
      setText(byId("reply"), "Give your name first: it is written beside what you do.");
      byId("by").focus();
      return null;
    }
    localStorage.setItem("by", by);
    this.number += 1;
    const message = { type: "command", number: this.number, bed: this.bed.name, action, by, ...fields };
    if (this.send(message)) return this.number;
    setText(byId("reply"), "Not sent: the connection is not live.");
    return null;
  }

  drawCharts() {
    this.drawsIntervals = false;
    setText(byId("trend-note"), drawTrend(byId("trend"), this.trend, Date.now(), heartRate));
    setText(byId("rr-trend-note"), drawTrend(byId("rr-trend"), this.intervalTrend, Date.now(), intervalLength));
    setText(byId("rr-note"), drawIntervals(byId("rr"), this.intervals));
  }

  showHistory() {
    const key = JSON.stringify(this.history);
    if (key === this.historyKey) return;
    this.historyKey = key;
    const holder = byId("history");
    if (this.history.length === 0) {
      holder.replaceChildren(element("p", { class: "quiet" }, "None is known."));
      return;
    }
    const rows = this.history.map((alarm) => {
      const time = whenWords(alarm.time);
      const button = element("button", { type: "button", class: "past", "data-priority": alarm.priority,
        "aria-expanded": String(alarm.id === this.openStrip), "data-id": alarm.id },
        element("span", { class: "past-time" }, time),
        element("span", { class: "past-mark" }, marks[alarm.priority]),
        element("span", { class: "past-text" }, capitalised(alarm.text)),
        element("span", { class: "past-end" }, alarm.end || "on"));
      button.addEventListener("click", () => this.toggleStrip(alarm));
      return element("div", { class: "past-row" }, button);
    });
    holder.replaceChildren(...rows);
    this.showStrip();
  }

  toggleStrip(alarm) {
    this.openStrip = this.openStrip === alarm.id ? null : alarm.id;
    if (this.openStrip && alarm.hasStrip) this.send({ type: "strip", bed: this.bed.name, alarm: alarm.id });
    this.showStrip();
  }

  showStrip() {
    document.querySelectorAll(".past-strip").forEach((node) => node.remove());
    document.querySelectorAll(".past").forEach((node) =>
      node.setAttribute("aria-expanded", String(node.dataset.id === this.openStrip)));
    if (!this.openStrip) return;
    const rows = [...document.querySelectorAll(".past")];
    const row = rows.find((node) => node.dataset.id === this.openStrip)?.parentElement;
    if (!row) return;
    const strip = this.strips.get(this.openStrip);
    if (!strip) {
      const known = this.history.find((alarm) => alarm.id === this.openStrip);
      const words = known?.hasStrip ? "Fetching the strip ..." : "No strip is kept of it.";
      row.append(element("p", { class: "past-strip quiet" }, words));
      return;
    }
    const canvas = element("canvas", { class: "strip", role: "img",
      "aria-label": `ECG around the alarm, ${strip.beats.length} beats` });
    canvas.style.width = `calc(var(--mm) * ${(25 * strip.values[0].length) / strip.rate})`;
    canvas.style.height = `${Math.max(120, strip.values.length * 110 + 18)}px`;
    row.append(element("div", { class: "past-strip", tabindex: "0" }, canvas));
    drawPast(canvas, strip);
  }

  frame() { for (const sweep of this.sweeps) sweep.frame(); }
}
