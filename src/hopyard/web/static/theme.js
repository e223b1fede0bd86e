// Set before the page is painted, so that it never flashes in the other theme.
(() => {
  const chosen = localStorage.getItem("hopyard-theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    const kept = localStorage.getItem("hopyard-theme");
    document.documentElement.dataset.bsTheme = kept || (system.matches ? "dark" : "light");
  };
  if (chosen && chosen !== "dark" && chosen !== "light") localStorage.removeItem("hopyard-theme");
  system.addEventListener("change", show);
  show();
})();
