// The alarm limits of one bed: what holds, and a form that changes them in two steps.

import { element, setText } from "/tile.js";

const byId = (id) => document.getElementById(id);
const withUnit = (limit, value) => `${value} ${limit.unit}`;

export class LimitsView {
  /** `command(action, fields)` sends a command about the bed that is open; it returns the command's number, or null. */
  constructor(command) {
    this.command = command;
    this.dialog = byId("limits");
    this.limits = null;
    this.waitsFor = null;
    byId("limits-button").addEventListener("click", () => this.open());
    byId("limits-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.review(this.changes());
    });
    byId("limits-configured").addEventListener("click", () => this.review(null));
    byId("limits-cancel").addEventListener("click", () => this.dialog.close());
    byId("limits-back").addEventListener("click", () => this.edit());
    byId("limits-confirm").addEventListener("click", () => this.confirm());
    this.dialog.addEventListener("close", () => { this.waitsFor = null; });
  }

  /** What the daemon says of the bed that is open; null: nothing yet. `isAnew`: the bed was just opened. */
  take(limits, isAnew = false) {
    const before = JSON.stringify(this.limits?.limits);
    this.limits = limits ?? null;
    byId("limits-button").disabled = !this.limits;
    const list = byId("limits-list");
    if (!this.limits) {
      list.replaceChildren();
      setText(byId("limits-by"), "");
      return;
    }
    list.replaceChildren(...this.limits.limits.flatMap((limit) => [
      element("dt", {}, limit.name),
      element("dd", { "data-set": limit.value === limit.configured ? null : "yes" }, withUnit(limit, limit.value),
        limit.value === limit.configured ? null
          : element("span", { class: "quiet" }, ` (configured: ${withUnit(limit, limit.configured)})`)),
    ]));
    setText(byId("limits-by"), this.origin);
    if (!this.dialog.open || (this.waitsFor !== null && !isAnew)) return;
    // Somebody else has set them while the form is open, or the connection broke before the reply.
    const hasChanged = JSON.stringify(this.limits.limits) !== before;
    if (this.waitsFor === null && !hasChanged) return;
    this.waitsFor = null;
    this.edit();
    this.fill();
    setText(byId("limits-problem"), hasChanged ? "The limits have just been changed. They are as shown now."
      : "The connection broke before the reply came. The limits are as shown now.");
  }

  get origin() {
    if (!this.limits?.by) return "As configured.";
    const time = new Date(this.limits.time);
    return `Set by ${this.limits.by}, ${time.toLocaleDateString()} ${time.toTimeString().slice(0, 5)}.`;
  }

  open() {
    if (!this.limits) return;
    if (!byId("by").value.trim()) {
      setText(byId("reply"), "Give your name first: it is written beside what you do.");
      byId("by").focus();
      return;
    }
    setText(byId("reply"), "");
    setText(byId("limits-bed"), byId("bed-name").textContent);
    this.fill();
    this.edit();
    this.dialog.showModal();
    byId("limits-fields").querySelector("input")?.focus();
  }

  fill() {
    setText(byId("limits-origin"), this.origin);
    byId("limits-fields").replaceChildren(...this.limits.limits.map((limit) => {
      const id = `limit-${limit.key}`;
      return element("div", { class: "limit" },
        element("label", { for: id }, limit.name),
        element("input", {
          id, type: "number", inputmode: "decimal", min: limit.least, max: limit.greatest, step: limit.step,
          value: limit.value, required: "", "data-key": limit.key, "aria-describedby": `${id}-range`,
        }),
        element("span", { class: "unit" }, limit.unit),
        element("span", { class: "quiet", id: `${id}-range` },
          `${limit.least} to ${limit.greatest}, configured ${limit.configured}`));
    }));
    byId("limits-configured").hidden = this.limits.limits.every((limit) => limit.value === limit.configured);
  }

  /** The first step. */
  edit() {
    byId("limits-form").hidden = false;
    byId("limits-review").hidden = true;
    setText(byId("limits-problem"), "");
  }

  changes() {
    const changes = [];
    for (const limit of this.limits.limits) {
      const input = byId(`limit-${limit.key}`);
      if (input.valueAsNumber === limit.value) continue;
      if (!input.validity.valid) {
        input.focus();
        setText(byId("limits-problem"),
          `${limit.name}: a number from ${limit.least} to ${limit.greatest} in steps of ${limit.step}.`);
        return undefined;
      }
      changes.push({ limit, value: input.valueAsNumber });
    }
    if (changes.length === 0) setText(byId("limits-problem"), "Nothing has been changed.");
    return changes.length ? changes : undefined;
  }

  /** The second step. `changes`: null: back to what is configured; undefined: there is nothing to review. */
  review(changes) {
    if (changes === undefined) return;
    this.wanted = changes;
    const shown = changes ?? this.limits.limits.filter((limit) => limit.value !== limit.configured)
      .map((limit) => ({ limit, value: limit.configured }));
    byId("limits-changes").replaceChildren(...shown.map(({ limit, value }) => element("li", {},
      `${limit.name}: `, element("strong", {}, withUnit(limit, value)), `, now ${withUnit(limit, limit.value)}`)));
    byId("limits-form").hidden = true;
    byId("limits-review").hidden = false;
    setText(byId("limits-problem"), "");
    byId("limits-confirm").disabled = false;
    byId("limits-review-title").focus();
  }

  confirm() {
    const fields = this.wanted
      ? { limits: Object.fromEntries(this.wanted.map(({ limit, value }) => [limit.key, value])) } : {};
    const number = this.command("limits", fields);
    if (number === null) {
      setText(byId("limits-problem"), byId("reply").textContent);
      return;
    }
    this.waitsFor = number;
    byId("limits-confirm").disabled = true;
    setText(byId("limits-problem"), "Sent ...");
  }

  /** Whether a reply was about these limits. */
  takeReply(reply) {
    if (reply.number !== this.waitsFor) return;
    this.waitsFor = null;
    if (reply.result === "done") {
      this.dialog.close();
      byId("limits-button").focus();
      return;
    }
    this.edit();
    setText(byId("limits-problem"), `Not set: ${reply.text}.`);
  }
}
