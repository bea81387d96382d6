// What everything that moves on this page shares: data, a button with a slider, and texts.

const byId = (id) => document.getElementById(id);
const dataOf = (id) => JSON.parse(byId(id).textContent);

async function inflated(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const percent = (share) => `${Math.round(100 * share)} %`;
const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;
const lessMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// A film strip: `show(time)` is called for each time from 0 to `last`. It plays unless the reader asked for less motion.
function player(button, slider, show, frame = 90, hold = 900) {
  let playing = !lessMotion(), timer = 0;
  const set = (time) => {
    slider.value = time;
    slider.setAttribute("aria-valuetext", `step ${time} of ${slider.max}`);
    show(time);
  };
  const tick = () => {
    clearTimeout(timer);
    if (!playing) return;
    const at = Number(slider.value), end = at >= Number(slider.max);
    timer = setTimeout(() => { set(end ? 0 : at + 1); tick(); }, end ? hold : frame);
  };
  const say = (now) => {
    playing = now;
    button.setAttribute("aria-pressed", playing);
    button.textContent = playing ? "Pause" : "Play";
    tick();
  };
  button.addEventListener("click", () => say(!playing));
  slider.addEventListener("input", () => { say(false); set(Number(slider.value)); });
  return {
    // New films of so many steps, from the start; those who asked for less motion see the end, which shows the whole way.
    begin(last) {
      slider.max = last;
      set(playing ? 0 : last);
      say(playing);
    },
  };
}

// On a narrow screen each row of a table becomes a card, whose lines say which column they are of.
function carded(table) {
  const labels = [];
  [...table.tHead?.rows ?? []].forEach((row, line) => {
    let at = 0;
    for (const cell of row.cells) {
      while (labels[at]?.until > line) at += 1;
      for (let i = 0; i < cell.colSpan; i += 1, at += 1) {
        labels[at] = { text: [labels[at]?.text, cell.textContent.trim()].filter(Boolean).join(": "), until: line + cell.rowSpan };
      }
    }
  });
  for (const row of table.tBodies[0]?.rows ?? []) {
    [...row.cells].forEach((cell, i) => { cell.dataset.label = labels[i]?.text ?? ""; });
  }
  table.classList.add("cards");
  if (table.parentElement.scrollWidth > table.parentElement.clientWidth) table.parentElement.tabIndex = 0;  // scrolled by key
}
document.querySelectorAll(".wide table").forEach(carded);

// A figure is as wide as the screen; a click, or Enter, shows it larger, to be scrolled.
for (const frame of document.querySelectorAll("figure .wide")) {
  const turn = () => frame.classList.toggle("large");
  frame.addEventListener("click", turn);
  frame.addEventListener("keydown", (event) => { if (event.key === "Enter") turn(); });
}
