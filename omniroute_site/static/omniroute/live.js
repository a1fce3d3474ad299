// Parts of a page that change: [data-countdown] ticks, [data-live] is fetched again every so many seconds.
(function () {
  "use strict";

  // As the server writes it: 0:42, 2:07:23.
  function clock(seconds) {
    const minutes = Math.floor(seconds / 60);
    const pad = (number) => String(number).padStart(2, "0");
    const rest = pad(seconds % 60);
    return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${rest}`;
  }

  function tick() {
    for (const each of document.querySelectorAll("[data-countdown]")) {
      const left = Math.max(0, Number(each.dataset.countdown) - 1);
      each.dataset.countdown = left;
      each.textContent = clock(left);
    }
  }

  async function fetched(id) {
    const answer = await fetch(window.location.href, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return page.getElementById(id);
  }

  async function refresh(part) {
    if (document.hidden) return;
    const stale = document.querySelector("[data-stale]");
    try {
      const fresh = await fetched(part.id);
      const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      part.replaceChildren(...fresh.childNodes);
      if (focused) [...part.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
      stale.hidden = true;
    } catch {
      stale.hidden = false;
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    setInterval(tick, 1000);
    for (const part of document.querySelectorAll("[data-live]")) {
      setInterval(() => refresh(part), Number(part.dataset.live) * 1000);
      document.addEventListener("visibilitychange", () => refresh(part));
    }
  });
})();
