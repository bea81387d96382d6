// Replays: frames are put together from a sheet of tiles; the slider shows any moment of all films at once.

async function replays(data) {
  const films = await inflated(data.films), block = data.block;
  const sheet = new Image();
  sheet.src = `data:image/png;base64,${data.sheet}`;
  await sheet.decode();
  const wide = Math.ceil(data.size[1] / block);
  let running = [];

  // Each frame of an episode whole: which tile every block shows.
  function frames(changes) {
    let now = [];
    return changes.map((change) => {
      now = now.slice();
      for (let i = 0; i < change.length; i += 2) now[change[i]] = change[i + 1];
      return now;
    });
  }
  function draw(time) {
    for (const film of running) {
      const frame = film.frames[Math.min(time, film.frames.length - 1)];
      frame.forEach((tile, at) => {
        if (film.drawn[at] === tile) return;
        film.to.drawImage(sheet, (tile % data.columns) * block, Math.floor(tile / data.columns) * block, block, block,
          (at % wide) * block, Math.floor(at / wide) * block, block, block);
        film.drawn[at] = tile;
      });
    }
  }
  const strip = player(byId("film-play"), byId("film-time"), draw);

  function open() {
    const seed = byId("film-seed").value, level = Number(byId("film-level").value);
    running = [];
    for (const canvas of document.querySelectorAll("canvas.film")) {
      const changes = films[canvas.dataset.film]?.[seed]?.[level];
      const to = canvas.getContext("2d");
      to.clearRect(0, 0, canvas.width, canvas.height);
      canvas.setAttribute("aria-label", `${canvas.dataset.told}, seed ${seed}, level ${level + 1}: ${changes ? count(changes.length - 1, "step") : "not filmed"}`);
      if (changes) running.push({ frames: frames(changes), to, drawn: [] });
    }
    strip.begin(Math.max(1, ...running.map((film) => film.frames.length - 1)));
    byId("replays").dataset.ready = `${seed}/${level}`;
  }
  byId("film-seed").addEventListener("change", open);
  byId("film-level").addEventListener("change", open);
  open();
}
replays(dataOf("film-data"));
