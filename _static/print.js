// Paper is white: pages are printed in the light theme, whichever the reader has.
(() => {
  const page = document.documentElement.dataset;
  let theme;
  window.addEventListener("beforeprint", () => {
    theme = page.theme;
    page.theme = "light";
  });
  window.addEventListener("afterprint", () => {
    page.theme = theme;
  });
})();
