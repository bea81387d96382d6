// The level in which the reader moves a thing. Where agents go was played when the page was made; here it is only looked up.

function stage(data) {
  const [rows, columns] = data.grid, thing = data.thing;
  const board = svg("svg", {
    viewBox: `0 0 ${columns} ${rows}`, tabindex: 0, role: "application", "aria-describedby": "stage-said",
    "aria-label": `The level. Arrow keys move the ${thing}, Home puts it back.`,
  });
  byId("stage-board").append(board);
  const shown = new Set(data.rules.map((rule) => rule.key));
  const square = (cell) => ({ x: cell % columns, y: Math.floor(cell / columns), width: 1, height: 1 });
  const png = (text) => `data:image/png;base64,${text}`;
  const picture = (text, place) => svg("image", { href: png(text), preserveAspectRatio: "none", ...place });
  let level, ways, here, runs, layer, piece;

  // Of a rule: numbers of the seeds that count.
  const seeds = (rule) => rule.competent.map((able, seed) => [able, seed])
    .filter(([able]) => able || byId("stage-who").value === "all").map(([, seed]) => seed);
  // Of a rule with the thing on a cell: its seeds' ways, the same ones together, [[outcome, cell, ...], how many].
  function taken(rule, cell) {
    const at = level.cells.indexOf(cell), found = new Map();
    for (const seed of seeds(rule)) {
      const way = ways.taken[rule.key][seed][at];
      found.set(way, (found.get(way) ?? 0) + 1);
    }
    return [...found].map(([way, many]) => [ways.paths[way], many]);
  }
  const fetched = (rule, cell) => taken(rule, cell).reduce((sum, [way, many]) => sum + (way[0] === 0 ? many : 0), 0);

  // Rules keep to their own lane within a cell, so that ways that coincide are all seen.
  const lane = (i) => [0.5 + 0.24 * ((i % 3) - 1), 0.5 + 0.24 * ((Math.floor(i / 3) % 3) - 1)];
  const at = (cell, i) => [cell % columns + lane(i)[0], Math.floor(cell / columns) + lane(i)[1]];

  function draw(time) {
    layer.replaceChildren();
    data.rules.forEach((rule, i) => {
      if (!shown.has(rule.key)) return;
      const all = runs[i].reduce((sum, [, many]) => sum + many, 0), standing = new Map();
      for (const [[, ...cells], many] of runs[i]) {
        const now = cells[Math.min(time, cells.length - 1)], share = many / all;
        const points = cells.slice(0, time + 1).map((cell) => at(cell, i).join()).join(" ");
        layer.append(svg("polyline", { points, stroke: rule.colour, "stroke-width": 0.05 + 0.11 * share, opacity: 0.35 + 0.65 * share }));
        standing.set(now, (standing.get(now) ?? 0) + many);
      }
      for (const [cell, many] of standing) {
        const [cx, cy] = at(cell, i);
        layer.append(svg("circle", { cx, cy, r: 0.09 + 0.16 * Math.sqrt(many / all), fill: rule.colour }));
      }
    });
  }
  const film = player(byId("stage-play"), byId("stage-time"), draw);

  function put(cell) {
    here = cell;
    for (const [name, value] of Object.entries(square(cell))) piece.setAttribute(name, value);
    runs = data.rules.map((rule) => taken(rule, cell));
    for (const mark of document.querySelectorAll("#stage-maps .here")) {
      for (const [name, value] of Object.entries(square(cell))) mark.setAttribute(name, value);
    }
    tell();
    film.begin(Math.max(1, ...runs.flat().map(([way]) => way.length - 2)));
  }

  // The same in words: a sentence, and a table of how episodes end.
  function tell() {
    const [row, column] = [Math.floor(here / columns) + 1, here % columns + 1];
    const said = data.rules.filter((rule) => seeds(rule).length)
      .map((rule) => `${rule.name} ${fetched(rule, here)} of ${seeds(rule).length}`);
    const place = here === level.home ? ", where it was" : "";
    byId("stage-said").textContent = `The ${thing} is in row ${row}, column ${column}${place}. Seeds that fetch it: ${said.join(", ")}.`;
    const table = element("table", {}, element("thead", {}, element("tr", {},
      ...["Rule", "Seeds", ...data.outcomes.map((outcome) => outcome.name)].map((text) => element("th", { scope: "col" }, text)))));
    const body = element("tbody");
    data.rules.forEach((rule, i) => {
      const box = element("input", { type: "checkbox" }), ends = data.outcomes.map(() => 0);
      box.checked = shown.has(rule.key);
      box.addEventListener("change", () => { shown[box.checked ? "add" : "delete"](rule.key); draw(Number(byId("stage-time").value)); });
      for (const [[how], many] of runs[i]) ends[how] += many;
      const name = element("label", {}, box, element("i", { class: "dot", style: `background:${rule.colour}` }), rule.name);
      const total = seeds(rule).length;
      body.append(element("tr", {}, element("td", {}, name), element("td", {}, String(total)),
        ...ends.map((many) => element("td", {}, total ? `${many} (${percent(many / total)})` : "–"))));
    });
    table.append(body);
    byId("stage-table").replaceChildren(table);
    carded(table);
  }

  function map(rule) {
    const drawn = svg("svg", { viewBox: `0 0 ${columns} ${rows}`, role: "img" }, picture(level.level, { width: columns, height: rows, class: "faint" }));
    const total = seeds(rule).length, shares = level.cells.map((cell) => total && fetched(rule, cell) / total);
    level.cells.forEach((cell, i) => drawn.append(
      svg("rect", { ...square(cell), class: "cell" }),
      svg("rect", { ...square(cell), class: "share", opacity: shares[i] }, svg("title", {}, percent(shares[i])))));
    drawn.append(svg("rect", { class: "here" }));
    const most = shares.filter((share) => share > 0.5).length, mean = shares.reduce((a, b) => a + b, 0) / shares.length;
    const told = total ? `fetched from ${most} of ${count(shares.length, "cell")} by most of ${count(total, "seed")}; ${percent(mean)} over all cells`
      : "no competent seed";
    drawn.setAttribute("aria-label", `${rule.name}: ${told}`);
    drawn.addEventListener("click", (event) => click(event, drawn));
    return element("figure", {}, element("div", {}, drawn),
      element("figcaption", {}, element("b", {}, element("i", { class: "dot", style: `background:${rule.colour}` }), rule.name), ` ${told}`));
  }

  const apart = (a, b) => Math.hypot(a % columns - b % columns, Math.floor(a / columns) - Math.floor(b / columns));
  function nearest(cell) {
    return level.cells.reduce((best, other) => (apart(other, cell) < apart(best, cell) ? other : best));
  }
  function click(event, on) {
    const box = on.getBoundingClientRect();
    const x = Math.floor((event.clientX - box.left) / box.width * columns), y = Math.floor((event.clientY - box.top) / box.height * rows);
    put(nearest(Math.min(Math.max(y, 0), rows - 1) * columns + Math.min(Math.max(x, 0), columns - 1)));
  }
  // The next cell that can be taken in a direction, the least aside.
  function next(dx, dy) {
    const ahead = level.cells.map((cell) => {
      const x = cell % columns - here % columns, y = Math.floor(cell / columns) - Math.floor(here / columns);
      const on = x * dx + y * dy, aside = Math.abs(x * dy) + Math.abs(y * dx);
      return { cell, on, cost: on + 3 * aside };
    }).filter((one) => one.on > 0);
    return ahead.length ? ahead.reduce((best, one) => (one.cost < best.cost ? one : best)).cell : here;
  }
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  board.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Home") put(nearest(level.home));
    else if (steps[event.key]) put(next(...steps[event.key]));
    else return;
    event.preventDefault();
  });
  board.addEventListener("click", (event) => { board.focus(); click(event, board); });
  byId("stage-home").addEventListener("click", () => put(nearest(level.home)));

  function maps() {
    byId("stage-maps").replaceChildren(...data.rules.map(map));
    put(here);
  }
  byId("stage-who").addEventListener("change", maps);

  async function open(number) {
    level = data.levels[number];
    ways = await inflated(level.paths);
    const free = level.cells.map((cell) => svg("rect", { ...square(cell), class: "cell" }));
    piece = picture(level.thing, square(level.home));
    layer = svg("g", { class: "ways" });
    board.replaceChildren(picture(level.level, { width: columns, height: rows }), ...free, picture(level.agent, square(level.start)), piece, layer);
    here = nearest(level.home);
    maps();
    byId("stage").dataset.ready = number;
  }
  byId("stage-level").addEventListener("change", (event) => open(Number(event.target.value)));
  if (!data.rules.some((rule) => rule.competent.some(Boolean))) byId("stage-who").value = "all";
  open(0);
}
stage(dataOf("stage-data"));
