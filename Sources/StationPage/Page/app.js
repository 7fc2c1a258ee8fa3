// The central station: what the daemon sends, on the page.

import { AlarmBar, openAlarms, toneOf } from "/alarms.js";
import { Ward } from "/beds.js";
import { Connection } from "/connection.js";
import { BedView } from "/detail.js";
import { readColours } from "/strip.js";
import { capitalised, flashTogether, setData, setText, Tile } from "/tile.js";
import { Tones } from "/tones.js";

const byId = (id) => document.getElementById(id);
const ward = new Ward();
const tiles = new Map();
const tones = new Tones();
let mayCommand = false;
let notShown = 0;

// ---- What comes

const connection = new Connection({ message: take, state: showConnection });
const bedView = new BedView((message) => connection.send(message));
const alarmBar = new AlarmBar(
  { bar: byId("alarm-bar"), high: byId("announcer-high"), other: byId("announcer") }, openBed);

function take(message) {
  switch (message.type) {
    case "state": {
      mayCommand = message.mayCommand;
      const names = new Set(message.beds.map((bed) => bed.name));
      for (const name of [...ward.beds.keys()]) if (!names.has(name)) remove(name);
      for (const change of message.beds) {
        ward.bed(change.name).startAnew();
        apply(change);
      }
      notShown = message.bedsNotShown;
      arrange();
      bedView.openAgain();
      openBedOfAddress();
      // What stands above the tiles must not lag behind them.
      update();
      break;
    }
    case "tick":
      for (const change of message.beds ?? []) apply(change);
      for (const name of message.gone ?? []) remove(name);
      if (message.bedsNotShown !== undefined) notShown = message.bedsNotShown;
      if (tiles.size !== ward.beds.size) arrange();
      break;
    case "bed": case "detail": case "strip": bedView.take(message); break;
    case "reply": bedView.takeReply(message); break;
  }
}

function apply(change) {
  const bed = ward.bed(change.name);
  if (change.status) bed.takeStatus(change.status);
  if (change.strip) bed.takeStrip(change.strip);
  if (change.beats) {
    bed.takeBeats(change.beats);
    bedView.takeBeats(bed, change.beats);
  }
}

function remove(name) {
  ward.remove(name);
  tiles.get(name)?.root.remove();
  tiles.delete(name);
}

// ---- The connection

function showConnection(state, since, isCut) {
  document.body.dataset.connection = state;
  const banner = byId("banner");
  const words = {
    live: "",
    connecting: "Connecting to the daemon ...",
    stale: `NOT LIVE since ${since?.toTimeString().slice(0, 8)}. Strips and numbers are frozen. `
      + "Watch the bedside monitors. "
      + (isCut ? "This gateway does not reach the cluster's brokers." : "Reconnecting ..."),
    refused: "Not signed in.",
  }[state];
  setText(banner, words);
  banner.hidden = state === "live";
  setText(byId("bed-banner"), words);
  byId("bed-banner").hidden = state === "live";
  const signIn = byId("sign-in");
  if (state === "refused" && !signIn.open) {
    if (byId("bed").open) byId("bed").close();
    signIn.showModal();
  }
  if (state === "live" && signIn.open) signIn.close();
  update();
}

byId("sign-in-form").addEventListener("submit", (event) => {
  event.preventDefault();
  connection.signIn(byId("token").value.trim());
  byId("token").value = "";
});
byId("sign-in").addEventListener("cancel", (event) => event.preventDefault());

// ---- The ward

const visibility = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const sweep = tiles.get(entry.target.dataset.bed)?.sweep;
    if (!sweep) continue;
    sweep.isVisible = entry.isIntersecting;
    sweep.drawn = null;
  }
});

/** Tiles in the order of the beds' names, as large as fit. */
function arrange() {
  const holder = byId("ward");
  const beds = ward.sorted;
  for (const [number, bed] of beds.entries()) {
    let tile = tiles.get(bed.name);
    if (!tile) {
      tile = new Tile(bed, openBed);
      tiles.set(bed.name, tile);
      visibility.observe(tile.root);
    }
    if (holder.children[number] !== tile.root) holder.insertBefore(tile.root, holder.children[number] ?? null);
  }
  byId("empty").hidden = beds.length > 0;
  search();
  layOut();
  for (const tile of tiles.values()) tile.update(connection.state === "live");
  flashTogether(document.body);
}

/** As many columns as make the tiles largest; a tile is best twice as wide as high. More than fit are scrolled to. */
function fit() {
  const holder = byId("ward");
  const count = [...tiles.values()].filter((tile) => !tile.root.hidden).length;
  const [width, height] = [holder.clientWidth, holder.clientHeight];
  let best = { columns: 1, size: 0 };
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.ceil(count / columns);
    const size = Math.min(width / columns, (height / rows) * 2);
    if (size > best.size * 1.02) best = { columns, size };
  }
  const columns = Math.min(best.columns, Math.max(1, Math.floor(width / 225)));
  holder.style.setProperty("--columns", String(columns));
  const tile = width / columns;
  const sizes = [["large", tile >= 620 && best.size >= 560], ["medium", tile >= 400], ["small", tile >= 320]];
  holder.dataset.size = sizes.find(([, fits]) => fits)?.[0] ?? "dense";
}

function layOut() {
  fit();
  for (const tile of tiles.values()) tile.layOut();
  bedView.layOut();
}

function search() {
  const wanted = byId("search").value.trim().toLowerCase();
  for (const [name, tile] of tiles) tile.root.hidden = !name.toLowerCase().includes(wanted);
}
byId("search").addEventListener("input", () => { search(); layOut(); });

function openBed(name) {
  const bed = ward.beds.get(name);
  if (bed) bedView.open(bed, mayCommand);
}

function openBedOfAddress() {
  const name = new URLSearchParams(location.hash.slice(1)).get("bed");
  if (name && !bedView.isOpen) openBed(name);
}

new ResizeObserver(() => layOut()).observe(byId("ward"));
new ResizeObserver(() => bedView.layOut()).observe(byId("bed"));

// ---- A few times a second: words and colours

function update() {
  const isLive = connection.state === "live";
  for (const tile of tiles.values()) tile.update(isLive);
  alarmBar.update(ward);
  const open = openAlarms(ward);
  const counts = ["high", "medium", "low", "technical"].map((priority) => {
    const count = open.filter(({ alarm }) => alarm.priority === priority).length;
    return count ? `${count} ${priority}` : "";
  }).filter(Boolean);
  const hidden = notShown ? `, ${notShown} more not shown` : "";
  const beds = `${ward.beds.size} ${ward.beds.size === 1 ? "bed" : "beds"}${hidden}`;
  // Before anything is known, nothing is said of alarms.
  const isKnown = connection.state === "live" || connection.state === "stale";
  const alarms = counts.join(", ") || (isLive ? "no open alarm" : "");
  setText(byId("summary"), isKnown ? [beds, alarms].filter(Boolean).join(" · ") : "");
  const other = open.filter(({ bed }) => bed !== bedView.bed);
  bedView.update(isLive, mayCommand, {
    text: other.length
      ? `Other beds: ${other.length} open, gravest ${other[0].bed.name} ${capitalised(other[0].alarm.name)}` : "",
    priority: other[0]?.alarm.priority,
  });
  // To be no longer live is an alarm, too.
  tones.sound(isLive ? toneOf(ward) : connection.state === "stale" ? "low" : null);
  setText(byId("clock"), new Date().toTimeString().slice(0, 8));
  document.title = `${open.length ? `(${open.length}) ` : ""}${isLive ? "" : "NOT LIVE - "}Central station`;
}
setInterval(update, 250);
setInterval(() => { if (bedView.bed) bedView.drawCharts(); }, 5000);

// ---- Every frame: strips

let lastFrame = performance.now();
let frames = 0;
function frame(now) {
  const seconds = Math.min(0.5, (now - lastFrame) / 1000);
  lastFrame = now;
  frames += 1;
  if (connection.state === "live") {
    for (const bed of ward.beds.values()) bed.advance(seconds);
    if (bedView.bed) bedView.frame();
    else for (const tile of tiles.values()) tile.frame();
  }
  requestAnimationFrame(frame);
}
// For whoever measures.
window.station = { get frames() { return frames; }, ward, connection };

// ---- Buttons and keys

async function toggleSound() {
  if (tones.isOn) tones.switchOff(); else await tones.switchOn();
  const button = byId("sound");
  button.setAttribute("aria-pressed", String(tones.isOn));
  setText(button, tones.isOn ? "Sound on" : "Sound off");
}

function useTheme(name) {
  setData(document.documentElement, "theme", name === "paper" ? "paper" : null);
  setText(byId("theme"), name === "paper" ? "Dark" : "Paper");
  localStorage.setItem("theme", name);
  readColours();
}

const toggleTheme = () => useTheme(document.documentElement.dataset.theme === "paper" ? "dark" : "paper");

byId("sound").addEventListener("click", toggleSound);
byId("theme").addEventListener("click", toggleTheme);
byId("legend-button").addEventListener("click", () => byId("legend").showModal());

function moveFocus(key) {
  const buttons = [...document.querySelectorAll(".tile:not([hidden]) .tile-name")];
  const at = buttons.indexOf(document.activeElement);
  const columns = getComputedStyle(byId("ward")).gridTemplateColumns.split(" ").length;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
  const next = at < 0 ? 0 : Math.min(buttons.length - 1, Math.max(0, at + step));
  buttons[next]?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input") || byId("limits").open || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key.startsWith("Arrow") && !bedView.isOpen) {
    moveFocus(event.key);
    event.preventDefault();
  }
  const keys = { s: toggleSound, t: toggleTheme, "?": () => byId("legend").showModal() };
  if (bedView.isOpen && mayCommand) keys.a = () => bedView.command("acknowledge");
  if (!byId("sign-in").open) keys[event.key.toLowerCase()]?.();
});

useTheme(localStorage.getItem("theme") ?? "dark");
requestAnimationFrame(frame);
