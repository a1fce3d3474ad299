// The theme of the pages outside the admin, by the name Unfold remembers it under.
window.theme = function () {
  "use strict";
  return {
    adminTheme: Alpine.$persist("auto").as("adminTheme"),
    switchTheme(name) { this.adminTheme = name; },
    themeBindings: {
      ["x-bind:class"]() {
        const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
        return this.adminTheme === "dark" || (this.adminTheme === "auto" && dark) ? "dark" : "";
      },
    },
  };
};
