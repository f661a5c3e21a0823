// Run once when the page is loaded.
() => {
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  const video = (part) => part.closest(".compare").querySelector("video.after");
  document.addEventListener("input", ({ target }) => {
    if (target.matches(".vs .wipe")) target.closest(".compare").style.setProperty("--at", `${target.value}%`);
    if (target.matches(".vs .seek")) video(target).currentTime = target.value * video(target).duration;
  });
  document.addEventListener("click", ({ target }) => {
    if (!target.matches(".vs .play")) return;
    if (video(target).paused) video(target).play(); else video(target).pause();
  });
  // The original follows the painting, and both are as large as fits, never smaller than the column for being small.
  const follow = () => {
    for (const after of document.querySelectorAll(".vs video.after")) {
      const box = after.closest(".compare"), before = box.querySelector("video.over");
      const apart = Math.abs(before.currentTime - Math.min(after.currentTime, before.duration || 0));
      if (apart > (after.paused ? 0.001 : 0.07) && !before.seeking) before.currentTime = after.currentTime;
      if (after.paused !== before.paused && !before.ended) after.paused ? before.pause() : before.play();
      box.querySelector(".play").textContent = after.paused ? "Play" : "Pause";
      const seek = box.querySelector(".seek");
      if (seek !== document.activeElement || !after.paused) seek.value = after.currentTime / (after.duration || 1);
      box.querySelector(".time").textContent = `${clock(after.currentTime)} / ${clock(after.duration || 0)}`;
    }
    requestAnimationFrame(follow);
  };
  follow();
  const fit = ({ target }) => {
    if (!target.matches(".vs .after")) return;
    const [width, height] = [target.videoWidth || target.naturalWidth, target.videoHeight || target.naturalHeight];
    target.closest(".compare").style.maxWidth = `calc(70vh * ${width / height})`;
  };
  for (const event of ["loadedmetadata", "load"]) document.addEventListener(event, fit, true);
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
