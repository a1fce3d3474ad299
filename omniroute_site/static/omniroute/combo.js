// The forms on routing: what a strategy means, whole where its field is too narrow, and in a combo's the weights as
// shares of one bar, which always sum to 100 %, and only where they count.
(function () {
  "use strict";

  const COLOURS = 6;

  function rows() {
    return [...document.querySelectorAll("#targets-data tbody.form-group:not(.empty-form)")].map((row) => ({
      model: row.querySelector("[name$='-model']")?.value.trim() || "",
      weight: Number(row.querySelector("[name$='-weight']")?.value || 1),
      isGone: Boolean(row.querySelector("[name$='-DELETE']")?.checked),
    })).filter((row) => row.model && !row.isGone && row.weight > 0);
  }

  // Whole per cents that sum to 100: the largest remainders are rounded up.
  function shares(weights) {
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const exact = weights.map((weight) => (100 * weight) / sum);
    const whole = exact.map(Math.floor);
    const order = exact.map((share, place) => [share - whole[place], place]).sort((one, other) => other[0] - one[0]);
    const left = 100 - whole.reduce((total, share) => total + share, 0);
    for (const [, place] of order.slice(0, left)) whole[place] += 1;
    return whole;
  }

  function element(tag, name, text) {
    const made = document.createElement(tag);
    made.className = name;
    if (text) made.textContent = text;
    return made;
  }

  function draw(bar) {
    const shown = rows();
    if (!shown.length) {
      bar.replaceChildren(element("p", "omni-quiet", bar.dataset.nobody));
      return;
    }
    const parts = element("div", "omni-shares"), legend = element("ul", "omni-legends");
    shares(shown.map((row) => row.weight)).forEach((share, place) => {
      const part = element("span", `omni-share omni-share-${place % COLOURS}`);
      part.style.flexGrow = shown[place].weight;
      const line = element("li", "");
      line.append(element("span", `omni-key omni-share-${place % COLOURS}`), `${shown[place].model} ${share} %`);
      part.title = line.textContent;
      parts.append(part);
      legend.append(line);
    });
    bar.replaceChildren(parts, legend);
  }

  function update(bar, strategy) {
    const isWeighted = (strategy.value || bar.dataset.defaultStrategy) === "weighted";
    document.getElementById("targets-group").classList.toggle("omni-unweighted", !isWeighted);
    bar.hidden = !isWeighted;
    if (isWeighted) draw(bar);
  }

  function sayMeaning(strategy) {
    const meaning = element("p", "omni-help omni-meaning");
    const say = () => { meaning.textContent = strategy.selectedOptions[0]?.textContent || ""; };
    strategy.closest(".field-row, .form-row, div").after(meaning);
    strategy.addEventListener("change", say);
    say();
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const each of document.querySelectorAll("select:is(#id_strategy, #id_account_strategy)")) sayMeaning(each);
    const bar = document.querySelector("[data-weights]"), strategy = document.getElementById("id_strategy");
    if (!bar || !strategy) return;
    const again = () => update(bar, strategy);
    for (const kind of ["input", "change"]) document.getElementById("combo_form").addEventListener(kind, again);
    // Rows are added, and dragged into another order, by scripts that tell nobody.
    new MutationObserver(again).observe(document.getElementById("targets-data"), { childList: true });
    again();
  });
})();
