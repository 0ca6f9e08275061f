// The server: a snapshot, then what changes. Reconnects by itself.
//
// EventSource comes back to the last event that it has (`Last-Event-ID`). Where that is too long ago, or of another run of the
// program, the server says `reset`, and a new snapshot is taken. A connection on which nothing comes, not even the ping every ten
// seconds, is dead: it is made anew.

import { PROTOCOL } from "./model.js";

/**
 * @typedef {import("./model.js").Snapshot} Snapshot
 * @typedef {import("./model.js").Frame} Frame
 *
 * @typedef {"loading" | "live" | "lost" | "forbidden" | "failed" | "old"} Link
 *
 * @typedef {object} Listener
 * @property {(snapshot: Snapshot) => void} snapshot
 * @property {(frame: Frame) => void} frame
 * @property {(link: Link, why: string) => void} link
 */

const SILENCE = 25_000;
const PATIENCE = 1_500;
const SHORTEST = 500;
const LONGEST = 15_000;

export class Server {
  /** @param {Listener} listener */
  constructor(listener) {
    this.listener = listener;
    /** @type {EventSource | null} */
    this.events = null;
    this.wait = SHORTEST;
    /** @type {number} */
    this.timer = 0;
    this.silence = 0;
    /** @type {number} */
    this.losing = 0;
    this.begun = false;
  }

  /** Takes a snapshot, and follows it. Again and again until it works. */
  async begin() {
    clearTimeout(this.timer);
    clearTimeout(this.silence);
    this.events?.close();
    this.events = null;
    if (!this.begun) this.listener.link("loading", "");
    let response;
    try {
      response = await fetch("api/snapshot", { cache: "no-store", headers: { accept: "application/json" } });
    } catch {
      return this.again("lost", "The server does not answer.");
    }
    if (response.status === 401 || response.status === 403 || response.status === 421) {
      return this.again("forbidden", (await response.text()).trim());
    }
    if (!response.ok) return this.again(response.status === 503 ? "lost" : "failed", `The server answers ${response.status}.`);
    /** @type {Snapshot} */
    let snapshot;
    try {
      snapshot = await response.json();
    } catch {
      return this.again("failed", "The server's answer cannot be read.");
    }
    if (snapshot.protocol !== PROTOCOL) {
      this.listener.link("old", "The program was updated.");
      return;
    }
    this.wait = SHORTEST;
    this.begun = true;
    this.listener.snapshot(snapshot);
    this.follow(snapshot);
  }

  /** @param {Snapshot} snapshot */
  follow(snapshot) {
    const events = new EventSource(`api/events?after=${encodeURIComponent(snapshot.id)}`);
    this.events = events;
    const heard = () => {
      clearTimeout(this.silence);
      this.silence = setTimeout(() => void this.begin(), SILENCE);
    };
    heard();
    events.addEventListener("open", () => {
      heard();
      clearTimeout(this.losing);
      this.losing = 0;
      this.listener.link("live", "");
    });
    events.addEventListener("ping", heard);
    events.addEventListener("message", (event) => {
      heard();
      this.listener.frame(JSON.parse(event.data));
    });
    events.addEventListener("reset", () => {
      events.close();
      this.soon(snapshot.ready ? SHORTEST / 5 : SHORTEST);
    });
    events.addEventListener("error", () => {
      if (this.events !== events) return;
      // A connection that ends and comes back at once, as each does after an hour, is nobody's concern.
      if (this.losing === 0) this.losing = setTimeout(() => this.listener.link("lost", "The server does not answer."), PATIENCE);
      // It tries again by itself, unless the answer was none of events.
      if (events.readyState === EventSource.CLOSED) this.soon(this.longer());
    });
  }

  /**
   * @param {Link} link
   * @param {string} why
   */
  again(link, why) {
    clearTimeout(this.losing);
    this.losing = 0;
    this.listener.link(link, why);
    this.soon(this.longer());
  }

  longer() {
    const wait = this.wait;
    this.wait = Math.min(LONGEST, this.wait * 2);
    // Not all viewers at once.
    return wait * (0.75 + Math.random() / 2);
  }

  /** @param {number} milliseconds */
  soon(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.begin(), milliseconds);
  }
}

/**
 * Why a target stands as it does.
 * @param {string} kind
 * @param {string} target
 * @param {AbortSignal} signal
 * @returns {Promise<import("./trail.js").Trail>}
 */
export async function trail(kind, target, signal) {
  const query = new URLSearchParams({ kind, target });
  return json(`api/trail?${query}`, signal);
}

/**
 * Which keys of namespaces' labels group them: key, how many namespaces have it, with how many values.
 * @returns {Promise<[string, number, number][]>}
 */
export async function labelKeys() {
  return (await json("api/labels")).keys;
}

/**
 * The values of a label, by namespace.
 * @param {string} key
 * @returns {Promise<Map<string, string>>}
 */
export async function labelValues(key) {
  /** @type {Record<string, string[]>} */
  const values = (await json(`api/labels?${new URLSearchParams({ key })}`)).values;
  return new Map(Object.entries(values).flatMap(([value, namespaces]) => namespaces.map((it) => /** @type {const} */ ([it, value]))));
}

/** @param {string} path @param {AbortSignal} [signal] */
async function json(path, signal) {
  const response = await fetch(path, { cache: "no-store", ...(signal && { signal }) });
  if (!response.ok) throw new Error((await response.text()).trim() || `The server answers ${response.status}.`);
  return response.json();
}
