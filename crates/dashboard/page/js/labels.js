// The labels of namespaces: which keys there are, and the values of the one that is grouped by. They are asked for when they are needed,
// and again when the namespaces have changed.

import { labelKeys, labelValues } from "./server.js";

/** After a change, or a failure, the server is asked again once in this time. */
const AGAIN = 2_000;

/**
 * What the server answers, kept as long as the namespaces are of the same revision.
 * @template T
 */
class Kept {
  /** @param {() => Promise<T>} ask @param {() => void} told  There is another answer. */
  constructor(ask, told) {
    this.ask = ask;
    this.told = told;
    /** @type {T | null} */
    this.answer = null;
    this.of = -1;
    this.busy = false;
    this.next = 0;
  }

  /** The last answer, while a new one is asked for if there is a reason. @param {number} revision */
  get(revision) {
    if (this.of !== revision && !this.busy) void this.renew(revision);
    return this.answer;
  }

  /** @param {number} revision */
  async renew(revision) {
    this.busy = true;
    const wait = this.next - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    this.next = performance.now() + AGAIN;
    try {
      this.answer = await this.ask();
      this.of = revision;
    } catch {
      // The server is away: that is shown already.
    }
    this.busy = false;
    this.told();
  }
}

export class Labels {
  /** @param {() => void} told  Something is known that was not. */
  constructor(told) {
    this.told = told;
    this.offered = new Kept(labelKeys, told);
    /** @type {{ key: string, kept: Kept<Map<string, string>> } | null} */
    this.chosen = null;
  }

  /** The keys that one can choose from, as far as they are known. @param {number} revision  Of the namespaces. */
  keys(revision) {
    return this.offered.get(revision)?.map(([key]) => key).sort() ?? [];
  }

  /**
   * What groups namespaces by the label of this key; `null`: that is not known yet.
   * @param {string} key
   * @param {number} revision
   * @returns {import("./layout.js").By | null}
   */
  by(key, revision) {
    if (this.chosen?.key !== key) this.chosen = { key, kept: new Kept(() => labelValues(key), this.told) };
    const values = this.chosen.kept.get(revision);
    return values === null ? null : { key, values };
  }
}
