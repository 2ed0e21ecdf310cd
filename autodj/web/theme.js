// @ts-check
/** Light or dark. A plain script, because it must run before the first paint. */
(() => {
  const root = document.documentElement;
  const kept = localStorage.getItem("autodj.theme");
  if (kept) root.dataset.theme = kept;

  const prefersLight = matchMedia("(prefers-color-scheme: light)");
  const isLight = () => (root.dataset.theme ?? (prefersLight.matches ? "light" : "dark")) === "light";
  const announce = () => document.dispatchEvent(new Event("autodj:theme"));
  prefersLight.addEventListener("change", announce);

  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || !event.target.closest("[data-act=theme]")) return;
    root.dataset.theme = isLight() ? "dark" : "light";
    localStorage.setItem("autodj.theme", root.dataset.theme);
    announce();
  });
})();
