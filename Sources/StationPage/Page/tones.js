// Alarm tones after IEC 60601-1-8, 6.3.3: bursts of pulses, of which each priority has its own.

/** Fundamental in Hz; harmonics up to about 4 kHz make the place of a sound easy to hear. */
const bursts = {
  // Ten pulses, 3-2 and 3-2 again.
  high: { pulse: 0.14, starts: [0, 0.25, 0.5, 0.95, 1.2, 2.0, 2.25, 2.5, 2.95, 3.2],
    notes: [523, 659, 784, 784, 1046, 523, 659, 784, 784, 1046], every: 8, level: 0.5 },
  medium: { pulse: 0.2, starts: [0, 0.42, 0.84], notes: [523, 659, 784], every: 15, level: 0.4 },
  low: { pulse: 0.22, starts: [0, 0.45], notes: [659, 523], every: 30, level: 0.3 },
};

export class Tones {
  constructor() {
    this.isOn = false;
    this.next = 0;
    this.priority = null;
  }

  /** Browsers let a page sound after a click only. */
  async switchOn() {
    this.context ??= new AudioContext();
    await this.context.resume();
    const amplitudes = [0, 1, 0.6, 0.5, 0.4, 0.25, 0.15];
    this.wave ??= this.context.createPeriodicWave(new Float32Array(amplitudes.length), new Float32Array(amplitudes));
    this.isOn = true;
    this.next = 0;
    if (!this.priority) this.burst("low", 0.5);
  }

  switchOff() {
    this.isOn = false;
    this.silence();
  }

  /** What is to be heard now: "high", "medium", "low" or null. To be called often. */
  sound(priority) {
    if (!this.isOn) {
      this.priority = priority;
      return;
    }
    const isGraver = rank(priority) > rank(this.priority);
    if (priority === null || isGraver) this.silence();
    this.priority = priority;
    if (priority === null) {
      this.next = 0;
      return;
    }
    const now = this.context.currentTime;
    if (isGraver || now >= this.next) {
      this.burst(priority, 1);
      this.next = now + bursts[priority].every;
    }
  }

  silence() {
    this.master?.gain.cancelScheduledValues(0);
    this.master?.gain.setValueAtTime(0, this.context.currentTime);
    this.master = null;
  }

  burst(priority, share) {
    const { pulse, starts, notes, level } = bursts[priority];
    const { context } = this;
    this.master = new GainNode(context, { gain: level * share });
    this.master.connect(context.destination);
    for (const [number, start] of starts.entries()) {
      const begin = context.currentTime + 0.05 + start;
      const oscillator = new OscillatorNode(context, { frequency: notes[number] / 2, periodicWave: this.wave });
      const envelope = new GainNode(context, { gain: 0 });
      envelope.gain.setValueAtTime(0, begin);
      envelope.gain.linearRampToValueAtTime(1, begin + 0.02);
      envelope.gain.setValueAtTime(1, begin + pulse - 0.03);
      envelope.gain.linearRampToValueAtTime(0, begin + pulse);
      oscillator.connect(envelope).connect(this.master);
      oscillator.start(begin);
      oscillator.stop(begin + pulse + 0.01);
    }
  }
}

function rank(priority) { return { high: 3, medium: 2, low: 1 }[priority] ?? 0; }
