// Run once when the page is loaded.
() => {
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  const position = (at, length) =>
    length < 10 ? `${at.toFixed(1)} / ${length.toFixed(1)} s` : `${clock(at)} / ${clock(length)}`;
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
      box.querySelector(".time").textContent = position(after.currentTime, after.duration || 0);
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
  // The photo is taken after a countdown. A photo that is there is taken away first.
  const found = async (selector) => {
    for (let waited = 0; waited < 15000; waited += 100) {
      const part = document.querySelector(selector);
      if (part) return part;
      await new Promise((done) => setTimeout(done, 100));
    }
    throw new Error(`${selector} does not appear`);
  };
  const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
  const shoot = async (button) => {
    document.querySelector("#webcam button[aria-label='Remove Image']")?.click();
    const ready = "#webcam button[aria-label='capture photo']";
    const first = await found(`${ready}, #webcam [title='grant webcam access'] button`);
    if (!first.matches(ready)) first.click();
    const capture = await found(ready);
    for (const left of [3, 2, 1]) {
      button.textContent = `Photo in ${left} ...`;
      await pause(1);
    }
    capture.click();
    await found("#webcam .image-frame img");
  };
  document.addEventListener("click", async ({ target }) => {
    if (!target.matches(".vs .shoot") || target.disabled) return;
    target.disabled = true;
    try {
      await shoot(target);
      target.textContent = "Take another photo in 3 seconds";
    } catch {
      target.textContent = "The webcam does not respond. Allow it in the browser, and press here again";
    }
    target.disabled = false;
  });
  document.addEventListener("click", (click) => {
    const kept = click.target.closest("#delete") && !confirm("Delete this job with its painting and its files?");
    if (kept) click.stopImmediatePropagation();
  }, true);
  // Gradio hears of a slider that is let go by the pointer only.
  document.addEventListener("keyup", ({ target, key }) => {
    if (target.matches("#form input[type=range]") && /^(Arrow|Page|Home|End)/.test(key)) {
      target.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }));
    }
  });
  // What could not be done stands next to its field, which may be out of sight or folded away.
  const unmark = () => {
    document.querySelector(".field-error")?.remove();
    for (const input of document.querySelectorAll("#form [aria-invalid]")) {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    }
  };
  const mark = async (message) => {
    const id = message.dataset.field;
    if (!document.getElementById(id)?.offsetParent) document.querySelector("#advanced > button").click();
    const field = await found(`#${id}`), inputs = field.querySelectorAll("input, textarea");
    unmark();
    const error = message.cloneNode(true);
    error.id = "field-error";
    error.className = "vs field-error";
    error.removeAttribute("data-field");
    field.append(error);
    message.hidden = true;
    for (const input of inputs) {
      input.setAttribute("aria-invalid", "true");
      input.setAttribute("aria-describedby", error.id);
    }
    inputs[0].focus({ preventScroll: true });
    field.addEventListener("input", unmark, { once: true });
    field.scrollIntoView({ behavior: "smooth", block: "center" });
  };
  const told = new Set();  // alerts, by the moment of theirs where they have one
  const tell = () => {
    if (!document.querySelector("#message [data-field]")) unmark();
    for (const alert of document.querySelectorAll("#form [role=alert]:not(.field-error *)")) {
      const message = alert.closest("[data-now]"), key = message?.dataset.now ?? alert;
      if (told.has(key)) continue;
      told.add(key);
      if (message?.dataset.field) mark(message);
      else alert.scrollIntoView({ behavior: "smooth", block: "center" });
    }
  };
  // The address of the page is that of the job that is shown, so that it is there again after a reload.
  let linked = innerWidth < 800 && location.search.includes("job=");  // a phone shows the form first
  let shown = false;  // whether the page shows a job
  let opening = false;  // a job by its link, which is not shown yet
  new MutationObserver(() => {
    tell();
    if (linked && document.querySelector("#view [data-job]")) {
      linked = false;
      document.querySelector("#view").scrollIntoView();
    }
    const job = document.querySelector("#view .vs[data-job]")?.dataset.job;
    const query = new URLSearchParams(location.search);
    if (query.get("job") === job || document.querySelector("#view .failed[role]")) opening = false;
    const deleted = shown && document.querySelector("#view .empty");
    shown = Boolean(job);
    if (deleted) query.delete("job");
    else if (!job || opening || query.get("job") === job) return;
    else query.set("job", job);
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  }).observe(document.body, { childList: true, subtree: true, attributeFilter: ["data-now"] });
  // A link to a job opens it next to the form, which keeps what was chosen.
  const open = () => {
    opening = true;
    document.querySelector("#open").click();
  };
  document.addEventListener("click", (click) => {
    const link = click.target.closest(".vs a[href^='/?job=']");
    if (!link || click.ctrlKey || click.metaKey || click.shiftKey) return;
    click.preventDefault();
    const query = new URLSearchParams(location.search);
    query.set("job", new URL(link.href).searchParams.get("job"));
    history.pushState(null, "", `?${query}`);
    open();
    document.querySelector("#view").scrollIntoView({ behavior: "smooth", block: "nearest" });
  });
  addEventListener("popstate", open);
  // A preview that was asked for is kept in sight as it grows, until the user does something else.
  let awaited = false;
  for (const event of ["pointerdown", "keydown", "wheel", "touchmove"]) {
    document.addEventListener(event, () => { awaited = false; }, { capture: true, passive: true });
  }
  const grown = new ResizeObserver(([{ target }]) => {
    if (awaited) target.scrollIntoView({ behavior: "smooth", block: "nearest" });
  });
  found("#preview-view").then((view) => grown.observe(view));
  // On a phone the form lies above the job whose settings it takes, and the painting lies below the form.
  document.addEventListener("click", ({ target }) => {
    const view = document.querySelector("#view");
    if (target.closest("#preview")) {
      awaited = true;
      document.querySelector("#preview-view").scrollIntoView({ behavior: "smooth", block: "nearest" });
    }
    if (target.closest("#again")) scrollTo({ top: 0, behavior: "smooth" });
    if (target.closest("#paint") && view && innerWidth < 800) view.scrollIntoView({ behavior: "smooth" });
  });
}
