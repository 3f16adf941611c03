// The layers of a run, epoch by epoch: violins with a slider, and a table.

import { get } from "../lib/api.js";
import { epochName } from "../lib/format.js";
import { isOutput, QUANTITIES, symlogUnit } from "../lib/histograms.js";
import { clamp } from "../lib/scale.js";
import { hasEnded } from "../lib/statuses.js";
import { t } from "../lib/text.js";
import { sleep, throttle } from "../lib/timing.js";
import { announce, h, setText, show } from "../parts/dom.js";
import { button, card, checkbox, notice, scrollable, select } from "../parts/elements.js";
import { whenThemeChanges } from "../parts/theme.js";
import { violins } from "../parts/violins.js";
import { layerTable } from "./layer_table.js";

const FRAME_MILLISECONDS = 450;
const RESIZE_MILLISECONDS = 100;
const LEAST_PICTURE_PIXELS = 240;
/** So many epochs are loaded before they are played, so that all are on one scale from the first. */
const MOST_PRELOADED = 100;

export class LayersPanel {
  /**
   * @param live   the run
   * @param title  of the panel
   * @param id     of the title
   * @param onLook called with an epoch that the reader chose
   */
  constructor(live, signal, { title = t("layers.title"), id = "layers-title", onLook = () => {} } = {}) {
    Object.assign(this, { live, signal, title, id, onLook });
    this.answers = new Map(); // of the API, by epoch
    this.epochs = []; // that have statistics
    this.index = 0; // of the epoch that is shown
    this.followsRun = true; // show the newest epoch when one comes
    this.quantity = ""; // the only one shown; empty: all
    this.sameScale = true;
    this.marked = null; // the layer that was pressed
    this.found = []; // layers of findings, marked while none was pressed
    this.playing = false;
    this.updated = null; // the state of the run that was drawn last
    this.listeners = []; // of whenLoaded
    this.build();
    whenThemeChanges(() => this.draw(), signal);
    const redraw = () => !signal.aborted && this.pictureWidth() !== this.drawnWidth && this.draw();
    const sizes = new ResizeObserver(throttle(RESIZE_MILLISECONDS, redraw));
    sizes.observe(this.stage);
    signal.addEventListener("abort", () => sizes.disconnect());
  }

  build() {
    this.stage = h("div.violin-grid");
    this.slider = h("input.slider", {
      type: "range",
      min: 0,
      max: 0,
      step: 1,
      value: 0,
      "aria-label": t("layers.epoch"),
      onInput: () => this.lookAt(Number(this.slider.value)),
    });
    this.epochLabel = h("output");
    this.play = button("button.small", () => this.replay(), t("layers.play"));
    this.table = scrollable(t("layers.title"), h("div.scroll"));
    const quantities = [["", t("layers.all")], ...QUANTITIES.map((quantity) => [quantity, t(`layers.${quantity}`)])];
    this.controls = h(
      "div.controls",
      h("div.replay", this.play, this.slider, this.epochLabel),
      select(t("layers.show"), quantities, "", (quantity) => this.set("quantity", quantity)),
      checkbox(t("layers.sameScale"), true, (sameScale) => this.set("sameScale", sameScale)),
    );
    this.body = h("div", notice(t("layers.waiting")));
    this.element = card(this.id, this.title, this.body);
    this.element.tabIndex = -1;
  }

  /** Call a listener with the newest statistics whenever they were loaded, and with null where there are none. */
  whenLoaded(listener) {
    this.listeners.push(listener);
  }

  tell(newest) {
    for (const listener of this.listeners) listener(newest);
  }

  set(name, value) {
    this[name] = value;
    this.draw();
  }

  /** Load the newest statistics when the run has changed. */
  async update() {
    const { run } = this.live;
    const updated = `${run.epoch} ${run.status}`;
    if (updated === this.updated) return;
    this.updated = updated;
    const reason = this.reasonForNone(run);
    if (reason) {
      show(this.body, notice(reason));
      this.tell(null);
      return;
    }
    try {
      const answer = await get(`/v1/runs/${run.id}/layers`, {}, this.signal);
      this.answers.set(answer.epoch, answer);
      this.epochs = answer.epochs_available;
      this.tell(answer);
      const parts = [this.controls, this.stage, this.table, h("p.note", t("layers.note"))];
      if (!this.body.contains(this.stage)) show(this.body, parts);
      this.slider.max = String(this.epochs.length - 1);
      this.play.hidden = this.epochs.length < 2;
      await this.moveTo(this.followsRun ? this.epochs.length - 1 : this.index);
    } catch (error) {
      if (!this.signal.aborted) show(this.body, notice(error.message));
    }
  }

  /** Return why a run has no statistics; null where it has. A verdict rests on layer statistics. */
  reasonForNone(run) {
    if (run.config.layer_statistics === "off") return t("layers.off");
    if (run.diagnosis?.verdict) return null;
    return hasEnded(run) ? t("layers.none") : t("layers.waiting");
  }

  /** Show an epoch of the reader's choice. */
  lookAt(index) {
    this.onLook(this.epochs[clamp(index, 0, this.epochs.length - 1)]);
    return this.goTo(index);
  }

  /** Show the last epoch with statistics up to this one. */
  lookAtEpoch(epoch) {
    const index = this.epochs.findLastIndex((available) => available <= epoch);
    return this.epochs.length ? this.goTo(index) : null;
  }

  goTo(index) {
    this.followsRun = false;
    return this.moveTo(index);
  }

  async moveTo(index) {
    this.index = clamp(index, 0, this.epochs.length - 1);
    const epoch = this.epochs[this.index];
    this.slider.value = String(this.index);
    setText(this.epochLabel, epochName(epoch));
    this.slider.setAttribute("aria-valuetext", epochName(epoch));
    await this.load(epoch);
    if (!this.signal.aborted) this.draw();
  }

  /** Return the statistics at an epoch; each is asked for once. */
  async load(epoch) {
    if (!this.answers.has(epoch))
      this.answers.set(epoch, await get(`/v1/runs/${this.live.run.id}/layers`, { epoch }, this.signal));
    return this.answers.get(epoch);
  }

  draw() {
    const answer = this.answers.get(this.epochs[this.index]);
    if (!answer) return;
    this.stage.classList.toggle("single", Boolean(this.quantity));
    this.drawnWidth = this.pictureWidth();
    show(
      this.stage,
      (this.quantity ? [this.quantity] : QUANTITIES).map((quantity) => this.picture(answer.layers, quantity)),
    );
    show(
      this.table,
      layerTable(answer.layers, this.marked, (layer) => this.press(layer)),
    );
  }

  picture(layers, quantity) {
    const seen = this.sameScale ? [...this.answers.values()].flatMap((answer) => answer.layers) : layers;
    return h(
      "figure",
      h("figcaption", t(`layers.${quantity}`), " ", h("small.muted", t(`layers.${quantity}.about`))),
      symlogUnit(
        seen.filter((layer) => !isOutput(layer)),
        quantity,
      ) && h("small.muted", t("layers.symlog")),
      violins(layers, quantity, {
        seen,
        marked: this.marked ? [this.marked] : this.found,
        width: this.drawnWidth,
        open: (layer) => this.press(layer),
      }),
    );
  }

  /** Return the width of a picture in the grid, so that its text is as large as the page's. */
  pictureWidth() {
    const columns = getComputedStyle(this.stage).gridTemplateColumns;
    return Math.max(LEAST_PICTURE_PIXELS, Math.floor(parseFloat(columns)) || 0);
  }

  /** Mark a layer, or unmark it; the focus stays on its row. */
  press(layer) {
    this.marked = this.marked === layer ? null : layer;
    const hadFocus = this.table.contains(document.activeElement);
    this.draw();
    if (hadFocus) this.table.querySelector(`[data-layer="${CSS.escape(layer)}"]`)?.focus();
  }

  /** Mark the layers of findings. */
  mark(findings) {
    this.set("found", findings.map((finding) => finding.layer).filter(Boolean));
  }

  /** Go to the layer and the epoch of a finding. */
  open({ layer, epoch }) {
    this.marked = layer;
    const index = this.epochs.findLastIndex((available) => available <= (epoch ?? Infinity));
    if (this.epochs.length) this.lookAt(index);
    announce(t("diagnosis.layer", { layer }));
    this.element.scrollIntoView({ behavior: "smooth", block: "start" });
    this.element.focus({ preventScroll: true });
  }

  /** Play the epochs one after another, or stop. */
  async replay() {
    this.setPlaying(!this.playing);
    if (this.playing) await this.preload();
    const last = () => this.index === this.epochs.length - 1;
    if (this.playing && last()) await this.moveTo(0);
    while (this.playing && !this.signal.aborted && !last()) {
      await sleep(FRAME_MILLISECONDS, this.signal);
      if (this.playing) await this.lookAt(this.index + 1);
    }
    this.setPlaying(false);
  }

  setPlaying(playing) {
    this.playing = playing;
    setText(this.play, playing ? t("layers.pause") : t("layers.play"));
  }

  async preload() {
    for (const epoch of this.epochs.slice(0, MOST_PRELOADED)) {
      if (!this.signal.aborted) await this.load(epoch).catch(() => {});
    }
  }
}
