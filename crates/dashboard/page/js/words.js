// How numbers, ages and long names are written. Pure.

/**
 * How long something has been so, in one unit, as kubectl has it.
 * @param {number} seconds
 */
export function age(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 120) return `${s} s`;
  if (s < 120 * 60) return `${Math.floor(s / 60)} min`;
  if (s < 48 * 3600) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

/** @param {number} number */
export function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/**
 * @param {number} number
 * @param {string} one
 * @param {string} [many]
 */
export function count(number, one, many = `${one}s`) {
  return `${grouped(number)} ${number === 1 ? one : many}`;
}

/**
 * A name without its middle, so that it is as long as may be. Both ends tell names apart: what stands before them is often the same.
 * @param {string} text
 * @param {number} most
 */
export function shortened(text, most) {
  if (text.length <= most) return text;
  if (most <= 1) return "…";
  const end = Math.ceil((most - 1) * 0.5);
  return `${text.slice(0, most - 1 - end)}…${text.slice(text.length - end)}`;
}

/**
 * The same, where characters have widths.
 * @param {string} text
 * @param {number} width
 * @param {(text: string) => number} measure
 */
export function fitted(text, width, measure) {
  if (measure(text) <= width) return text;
  let [low, high] = [1, text.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (measure(shortened(text, middle)) <= width) low = middle;
    else high = middle - 1;
  }
  return shortened(text, low);
}

/**
 * A name in pieces after which it may be broken: after what separates its words.
 * @param {string} text
 * @returns {string[]}
 */
export function breakable(text) {
  return text.match(/[^-./:]*[-./:]*/g)?.filter((piece) => piece !== "") ?? [];
}

/**
 * A text of the documentation in pieces: between backticks stands code.
 * @param {string} text
 * @returns {{ code: boolean, text: string }[]}
 */
export function marked(text) {
  return text.split("`").map((piece, n) => ({ code: n % 2 === 1, text: piece })).filter((piece) => piece.text !== "");
}

/**
 * A code such as `NamespaceNotAllowed` as words.
 * @param {string} code
 */
export function spoken(code) {
  const words = code.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The time of day. @param {number} milliseconds  since 1970 */
export function clock(milliseconds) {
  const at = new Date(milliseconds);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
