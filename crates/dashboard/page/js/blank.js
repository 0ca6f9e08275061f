// What stands where there is nothing to be drawn: each state in its own words, with what can be done about it.

import { h } from "./dom.js";
import { command } from "./parts.js";

/**
 * What stands where there is nothing to be shown; `null`: there is. `data-of` says which one it is.
 * @param {{ link: import("./server.js").Link, why: string }} link
 * @param {import("./model.js").Model | null} model  null: there has been no snapshot.
 * @param {number} shown  How many targets the filters let through.
 * @param {() => void} clear  Clears the filters.
 */
export function drawBlank({ link, why }, model, shown, clear) {
  if (link === "forbidden") {
    return blank("forbidden", "You may not see this", why === "" ? "The server does not let this browser in." : why, "Ask for the page by its address, as with kubectl port-forward.");
  }
  if (link === "old") {
    return blank("old", "The program was updated", "This page is of the version before.", button("Load it anew", () => location.reload()));
  }
  if (model === null) {
    if (link === "lost") {
      return blank("lost", "No answer", "The controller does not answer. It may be starting, or the port-forward has ended.",
        command("kubectl -n kube-system port-forward deployment/k8s-replicator 9103", "Forward the port again"));
    }
    if (link === "failed") return blank("failed", "Something is wrong", why, "The page tries again by itself.");
    return blank("loading", "Loading", skeleton());
  }
  if (!model.ready) return blank("ready", "The controller is reading the cluster", "Its first lists are not complete. Nothing is written until they are.", skeleton());
  if (model.length === 0) {
    return blank("empty", "Nothing is replicated yet", "No object asks for a copy, and none gives one. Say on a Secret where it is to go:",
      command(`kubectl -n NAMESPACE annotate secret NAME '${model.prefix}replicate-to-namespaces=team-.*'`, "Push it into every namespace that begins with team-"));
  }
  return shown > 0 ? null : blank("none", "Nothing matches", "No target fits these filters.", button("Clear filters", clear));
}

/** @param {string} of @param {string} title @param {...(Node | string)} text */
function blank(of, title, ...text) {
  return h("div", { class: "blank", "data-of": of }, h("h2", null, title), ...text.map((it) => (typeof it === "string" ? h("p", null, it) : it)));
}

/** @param {string} text @param {() => void} click */
function button(text, click) {
  return h("button", { type: "button", class: "primary", click }, text);
}

function skeleton() {
  return h("div", { class: "skeleton", "aria-hidden": "true" }, ...Array.from({ length: 96 }, () => h("i", null)));
}
