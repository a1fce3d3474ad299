// Copy buttons, and keys: "/" searches, "g h" goes home. No inline script, one listener each.
(function () {
  "use strict";

  async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    const words = button.textContent;
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = button.dataset.copied;
    } catch {
      // Without https there is no clipboard: select the text, so that the usual keys copy it.
      window.getSelection().selectAllChildren(source);
      button.textContent = "Ctrl+C";
    }
    setTimeout(() => { button.textContent = words; }, 2000);
  }

  function isTyping(target) {
    return target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName);
  }

  let before = "";

  function pressed(event) {
    if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    const search = document.getElementById("searchbar");
    if (event.key === "/" && search) {
      event.preventDefault();
      search.focus();
    } else if (before === "g" && event.key === "h") {
      window.location.assign(document.querySelector("#site-name a").href);
    }
    before = event.key;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
  document.addEventListener("keydown", pressed);
})();
