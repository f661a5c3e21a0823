// Run once when the page is loaded.
() => {
  // The slider uncovers the painting below its source.
  document.addEventListener("input", ({ target }) => {
    if (target.matches(".vs .compare input")) {
      target.parentElement.querySelector(".over").style.clipPath = `inset(0 ${100 - target.value}% 0 0)`;
    }
  });
  // The address of the page is that of the job that is shown, so that it is there again after a reload.
  new MutationObserver(() => {
    const job = document.querySelector("#view .vs[data-job]")?.dataset.job;
    const query = new URLSearchParams(location.search);
    if (!job || query.get("job") === job) return;
    query.set("job", job);
    history.replaceState(null, "", `?${query}`);
  }).observe(document.body, { childList: true, subtree: true });
  // On a phone the form lies above the job whose settings it takes, and the painting lies below the form.
  document.addEventListener("click", ({ target }) => {
    const view = document.querySelector("#view");
    if (target.closest("#again")) scrollTo({ top: 0, behavior: "smooth" });
    if (target.closest("#paint") && view && innerWidth < 800) view.scrollIntoView({ behavior: "smooth" });
  });
}
