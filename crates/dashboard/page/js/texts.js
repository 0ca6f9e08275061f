// Texts by number, each once, and their order. Pure.

import { insert, natural } from "./order.js";

/** Texts by number, each once. */
export class Texts {
  /** @param {string[]} [texts] @param {(a: string, b: string) => number} [compare] */
  constructor(texts = [], compare = natural) {
    this.compare = compare;
    /** @type {number[]} */
    this.order = [];
    /** @type {Uint32Array} */
    this.places = new Uint32Array();
    /** @type {string[]} */
    this.list = texts.slice();
    /** @type {Map<string, number>} */
    this.numbers = new Map(texts.map((text, number) => [text, number]));
  }

  /** @param {string} text */
  number(text) {
    const known = this.numbers.get(text);
    if (known !== undefined) return known;
    const number = this.list.length;
    this.list.push(text);
    this.numbers.set(text, number);
    return number;
  }

  /** @param {number} number */
  text(number) {
    return this.list[number] ?? "";
  }

  /** The numbers, in the order of their texts. */
  inOrder() {
    if (this.order.length < this.list.length) insert(this.order, this.order.length, this.list, this.compare);
    return this.order;
  }

  /** By number, the place of each text in their order. */
  placed() {
    if (this.places.length < this.list.length) {
      const order = this.inOrder();
      this.places = new Uint32Array(order.length);
      order.forEach((number, place) => (this.places[number] = place));
    }
    return this.places;
  }
}
