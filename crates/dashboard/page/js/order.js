// Orders: of names as people count, and of many rows by small numbers. Pure.

const collator = new Intl.Collator("en", { numeric: true });

/** @param {string} a @param {string} b */
export function natural(a, b) {
  return collator.compare(a, b);
}

/**
 * Numbers in the order of what a function says of each, which is below `size`; those alike stay in the order in which they are. In time
 * that grows with their number alone: 100,000 rows are put in order within a frame.
 * @param {Uint32Array} list
 * @param {number} size
 * @param {(item: number) => number} says
 * @returns {Uint32Array}
 */
export function ordered(list, size, says) {
  const begins = new Uint32Array(size + 1);
  for (let n = 0; n < list.length; n++) {
    const after = says(list[n] ?? 0) + 1;
    begins[after] = (begins[after] ?? 0) + 1;
  }
  for (let n = 1; n <= size; n++) begins[n] = (begins[n] ?? 0) + (begins[n - 1] ?? 0);
  const sorted = new Uint32Array(list.length);
  for (let n = 0; n < list.length; n++) {
    const item = list[n] ?? 0;
    const at = says(item);
    const place = begins[at] ?? 0;
    sorted[place] = item;
    begins[at] = place + 1;
  }
  return sorted;
}

/**
 * Puts the numbers of some texts, `from` the first that is not among them, where they belong in an order of the others.
 * @param {number[]} order
 * @param {number} from
 * @param {string[]} texts
 * @param {(a: string, b: string) => number} compare
 */
export function insert(order, from, texts, compare) {
  const by = (/** @type {number} */ a, /** @type {number} */ b) => compare(texts[a] ?? "", texts[b] ?? "");
  if (texts.length - from > 100) {
    for (let n = from; n < texts.length; n++) order.push(n);
    order.sort(by);
    return;
  }
  for (let n = from; n < texts.length; n++) {
    let [low, high] = [0, order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (by(order[middle] ?? 0, n) <= 0) low = middle + 1;
      else high = middle;
    }
    order.splice(low, 0, n);
  }
}
