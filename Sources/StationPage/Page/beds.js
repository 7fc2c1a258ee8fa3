// What the page knows of each bed: its state, the last seconds of every lead, its beats.

/** Seconds of samples that are kept. A strip is never longer. */
const keptSeconds = 40;
/** How far the picture runs behind the samples, so that it does not stop between two messages. */
const delaySeconds = 0.7;
/** A bed that has sent nothing for so long says so. */
export const silentAfterSeconds = 3;

export class Bed {
  constructor(name) {
    this.name = name;
    this.status = {};
    this.beats = [];
    this.version = 0;
    this.startAnew();
  }

  startAnew() {
    this.traces = [];
    this.head = null;
    this.cursor = null;
    this.beats = [];
    this.lastSamples = 0;
    this.version += 1;
  }

  get rate() { return this.status.rate || 125; }
  get capacity() { return Math.ceil(this.rate * keptSeconds); }

  takeStatus(status) {
    const old = this.status;
    this.status = status;
    if (old.session !== status.session || old.rate !== status.rate) this.startAnew();
    if (JSON.stringify(old.suspected) !== JSON.stringify(status.suspected)) this.version += 1;
  }

  /** `stretches`: [[index of the first value, [values of lead 0], [values of lead 1] ...] ...]; values in 5 uV. */
  takeStrip(stretches, firstLead = 0) {
    for (const [first, ...leads] of stretches) {
      for (const [number, values] of leads.entries()) this.put(firstLead + number, first, values);
      const end = first + (leads[0]?.length ?? 0);
      if (this.head === null || end > this.head) this.head = end;
      if (this.cursor === null || this.head - this.cursor > this.rate * keptSeconds / 2) {
        this.cursor = this.head - this.rate * delaySeconds;
        this.version += 1;
      }
      this.lastSamples = performance.now();
    }
  }

  put(lead, first, values) {
    let trace = this.traces[lead];
    if (!trace || trace.values.length !== this.capacity) {
      trace = { values: new Float32Array(this.capacity).fill(NaN), end: first, first };
      this.traces[lead] = trace;
    }
    const size = trace.values.length;
    // What never came is a hole in the trace.
    for (let index = Math.max(trace.end, first - size); index < first; index += 1) trace.values[index % size] = NaN;
    for (const [number, value] of values.entries()) {
      trace.values[(first + number) % size] = value === null ? NaN : value / 200;
    }
    trace.end = Math.max(trace.end, first + values.length);
  }

  /** Millivolts at an index; NaN: none. */
  value(lead, index) {
    const trace = this.traces[lead];
    if (!trace || index < trace.first || index >= trace.end || index < trace.end - trace.values.length) return NaN;
    return trace.values[index % trace.values.length];
  }

  /** Middle value of a lead over the last seconds before an index; 0 where there is none. */
  middle(lead, index, seconds) {
    const values = [];
    for (let at = Math.ceil(index - seconds * this.rate); at <= index; at += 2) {
      const value = this.value(lead, at);
      if (!Number.isNaN(value)) values.push(value);
    }
    if (values.length === 0) return 0;
    return values.sort((a, b) => a - b)[values.length >> 1];
  }

  /** Least and greatest value of a lead over the last seconds. */
  extent(lead, index, seconds) {
    let [least, greatest] = [Infinity, -Infinity];
    for (let at = Math.ceil(index - seconds * this.rate); at <= index; at += 1) {
      const value = this.value(lead, at);
      if (value < least) least = value;
      if (value > greatest) greatest = value;
    }
    return least <= greatest ? [least, greatest] : [0, 0];
  }

  /** `beats`: [[index, class letter, RR in ms or 0] ...] */
  takeBeats(beats) {
    this.beats.push(...beats);
    if (this.beats.length > 400) this.beats.splice(0, this.beats.length - 400);
  }

  /** Moves the picture on by the time since the last frame. */
  advance(seconds) {
    if (this.head === null) return;
    const lag = (this.head - this.cursor) / this.rate;
    // Faster or slower by what it takes to be the usual delay behind within about a second.
    const pace = Math.min(Math.max(1 + (lag - delaySeconds) * 0.8, 0.6), 40);
    this.cursor = Math.min(this.head - 1, this.cursor + seconds * this.rate * pace);
  }

  get silentSeconds() {
    if (this.lastSamples === 0) return Infinity;
    return (performance.now() - this.lastSamples) / 1000;
  }

  get isSilent() { return this.silentSeconds > silentAfterSeconds; }

  get isPaused() { return Boolean(this.status.pause); }

  /** The gravest alarm that is on; those not yet acknowledged first. */
  get gravest() { return this.status.alarms?.[0] ?? null; }
}

export const priorities = ["high", "medium", "low", "technical"];
export const marks = { high: "!!!", medium: "!!", low: "!", technical: "i" };

/** Words for the condition of the signal. */
export const conditions = {
  good: "good signal", leadOff: "lead off", flatLine: "flat line", saturation: "saturated",
  invalidSamples: "invalid samples", noisy: "noisy", noSignal: "no signal",
};

const order = new Intl.Collator("en", { numeric: true });

/** The beds by name. */
export class Ward {
  constructor() { this.beds = new Map(); }

  bed(name) {
    let bed = this.beds.get(name);
    if (!bed) {
      bed = new Bed(name);
      this.beds.set(name, bed);
    }
    return bed;
  }

  remove(name) { this.beds.delete(name); }

  get sorted() { return [...this.beds.values()].sort((a, b) => order.compare(a.name, b.name)); }
}
