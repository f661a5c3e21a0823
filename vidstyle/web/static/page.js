// Run once when the page is loaded.
() => {
  // The slider uncovers the painting below its source.
  document.addEventListener("input", ({ target }) => {
    if (target.matches(".vs .compare input")) {
      target.parentElement.querySelector(".over").style.clipPath = `inset(0 ${100 - target.value}% 0 0)`;
    }
  });
  // On a phone the painting lies below the form.
  document.addEventListener("click", ({ target }) => {
    const view = document.querySelector("#view");
    if (target.closest("#paint") && view && innerWidth < 800) view.scrollIntoView({ behavior: "smooth" });
  });
}
