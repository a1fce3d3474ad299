// The form of a price: the unit is a switch that turns every number over, and the other unit stands beside each.
// Numbers are moved as text, by their decimal point: a price is never rounded on its way.
(function () {
  "use strict";

  // "2.5" by 3 places -> "2500"; by -3 -> "0.0025". Whatever is no number stays as it is.
  function moved(text, places) {
    const match = /^(\d*)\.?(\d*)$/.exec(text.trim());
    if (!match || !(match[1] + match[2])) return null;
    let whole = match[1], part = match[2];
    if (places > 0) {
      part = part.padEnd(places, "0");
      [whole, part] = [whole + part.slice(0, places), part.slice(places)];
    } else {
      whole = whole.padStart(-places, "0");
      [whole, part] = [whole.slice(0, places), whole.slice(places) + part];
    }
    whole = whole.replace(/^0+(?=\d)/, "") || "0";
    part = part.replace(/0+$/, "");
    return part ? `${whole}.${part}` : whole;
  }

  function start(unit) {
    const inputs = [...document.querySelectorAll("input[data-price]")].filter((input) => input.name !== "per_request");
    let shown = unit.value || "1m";

    function note(input) {
      const help = input.closest(".field-line, .form-row, .group, fieldset > div")?.querySelector("[data-other]");
      if (!help) return;
      const other = moved(input.value, shown === "1m" ? -3 : 3);
      const word = shown === "1m" ? unit.dataset["1k"] : unit.dataset["1m"];
      help.textContent = other === null ? "" : `= $${other} ${word}.`;
      help.parentElement.querySelector("[data-of-unit]").textContent = `${unit.selectedOptions[0].textContent}.`;
    }

    unit.addEventListener("change", () => {
      if (unit.value === shown) return;
      const places = unit.value === "1m" ? 3 : -3;
      shown = unit.value;
      for (const input of inputs) input.value = moved(input.value, places) ?? input.value;
      inputs.forEach(note);
    });
    for (const input of inputs) input.addEventListener("input", () => note(input));
    inputs.forEach(note);
  }

  document.addEventListener("DOMContentLoaded", () => {
    const unit = document.querySelector("select[data-unit]");
    if (unit) start(unit);
  });
})();
