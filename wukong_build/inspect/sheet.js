// The page reads without this: it only filters cards by their text and copies keys.
const cards = [...document.querySelectorAll(".card")].map((card) => [card, card.textContent.toLowerCase()]);
const box = document.querySelector("#search");
box.hidden = false;
box.addEventListener("input", () => {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const [card, text] of cards) card.hidden = !words.every((word) => text.includes(word));
  for (const section of document.querySelectorAll("section.step")) section.hidden = !section.querySelector(".card:not([hidden])");
});
document.addEventListener("click", (event) => {
  const key = event.target.closest("code.key");
  if (!key || !navigator.clipboard) return;
  navigator.clipboard.writeText(key.textContent).then(() => {
    key.classList.add("copied");
    key.addEventListener("animationend", () => key.classList.remove("copied"), { once: true });
  });
});
