// The states, in the order of the protocol: from the best to the worst. Each has a colour (style.css) and a shape.

/**
 * @typedef {"current" | "waiting" | "held" | "refused" | "failing"} StateName
 */

/** @type {readonly StateName[]} */
export const STATES = ["current", "waiting", "held", "refused", "failing"];

/** What each state means. @type {Readonly<Record<StateName, string>>} */
export const MEANING = {
  current: "As its source and the annotations want it.",
  waiting: "Not as wanted yet: for a namespace, a source, a delay, or its turn.",
  held: "Keeps what it holds: replicate-once, a pause, the removal limit, or an incomplete certificate.",
  refused: "What is asked for is not allowed, or is ill-formed.",
  failing: "An attempt failed, and is repeated.",
};

/** The order in which states ask for attention. @type {readonly StateName[]} */
export const WORST_FIRST = ["failing", "refused", "waiting", "held", "current"];

/** @type {Readonly<Record<StateName, number>>} */
const RANK = { failing: 0, refused: 1, waiting: 2, held: 3, current: 4 };

/**
 * The place of a state (by its number) among those that ask for attention; 0 is the worst.
 * @param {number} state
 */
export function rank(state) {
  const name = STATES[state];
  return name === undefined ? WORST_FIRST.length : RANK[name];
}

/**
 * The shape of a state inside a box, as an SVG path. The canvas draws the same paths.
 * - current: a filled square, small and quiet
 * - waiting: a ring
 * - held: two bars
 * - refused: a cross
 * - failing: a filled triangle
 * @param {StateName} state
 * @param {number} size
 */
export function shape(state, size) {
  /** @param {number} part */
  const at = (part) => Math.round(part * size * 100) / 100;
  switch (state) {
    case "current":
      return `M${at(0.22)} ${at(0.22)}H${at(0.78)}V${at(0.78)}H${at(0.22)}Z`;
    case "waiting":
      return ring(size);
    case "held":
      return `M${at(0.22)} ${at(0.18)}H${at(0.42)}V${at(0.82)}H${at(0.22)}ZM${at(0.58)} ${at(0.18)}H${at(0.78)}V${at(0.82)}H${at(0.58)}Z`;
    case "refused":
      return cross(size);
    case "failing":
      return `M${at(0.5)} ${at(0.08)}L${at(0.95)} ${at(0.9)}H${at(0.05)}Z`;
  }
}

/** @param {number} size */
function ring(size) {
  const [c, outer, inner] = [size / 2, size * 0.4, size * 0.22];
  /** @param {number} r @param {0 | 1} sweep */
  const circle = (r, sweep) => `M${c - r} ${c}A${r} ${r} 0 1 ${sweep} ${c + r} ${c}A${r} ${r} 0 1 ${sweep} ${c - r} ${c}Z`;
  return circle(outer, 1) + circle(inner, 0);
}

/** @param {number} size */
function cross(size) {
  // A plus of twelve corners, turned by 45 degrees.
  const [c, arm, half] = [size / 2, size * 0.46, size * 0.13];
  const points = [
    [-half, -arm], [half, -arm], [half, -half], [arm, -half], [arm, half], [half, half],
    [half, arm], [-half, arm], [-half, half], [-arm, half], [-arm, -half], [-half, -half],
  ];
  const turned = points.map(([x = 0, y = 0]) => {
    const [u, v] = [(x - y) * Math.SQRT1_2, (x + y) * Math.SQRT1_2];
    return `${Math.round((c + u) * 100) / 100} ${Math.round((c + v) * 100) / 100}`;
  });
  return `M${turned.join("L")}Z`;
}
