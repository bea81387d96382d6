// Every seed as a dot: hover over one, or walk through them by the arrow keys.

function dots(data) {
  const WIDTH = 420, LEFT = 128, RIGHT = 24, ROW = 40, HEAD = 6, FOOT = 30, lanes = Object.keys(data.outcomes);
  const x = (share) => LEFT + share * (WIDTH - LEFT - RIGHT), tip = byId("dots-said"), hint = tip.textContent;

  function about(panel, row, [seed, share, counts]) {
    const left = counts ? "" : "; not competent, so not counted here";
    return `${row.rule}, seed ${seed}: ${data.outcomes[row.outcome].name} in ${percent1(share)} of episodes ${panel.title}${left}`;
  }
  const percent1 = (share) => `${(100 * share).toFixed(1)} %`;

  function panel(one) {
    const scripted = Object.entries(one.references);
    const rules = data.rules.map((rule) => rule.name), names = [...rules, ...scripted.map(([name]) => name)];
    const height = HEAD + ROW * rules.length + 20 * scripted.length + FOOT;
    const top = (i) => HEAD + ROW * Math.min(i, rules.length) + 20 * Math.max(i - rules.length, 0);
    const drawn = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "group", "aria-label": `${one.title}: a dot a seed. Arrow keys go from dot to dot.` });
    for (const share of [0, 0.5, 1]) {
      drawn.append(svg("line", { x1: x(share), x2: x(share), y1: HEAD, y2: height - FOOT, class: "grid" }));
      drawn.append(svg("text", { x: x(share), y: height - FOOT + 16, class: "tick", "text-anchor": "middle" }, `${100 * share} %`));
    }
    names.forEach((name, i) => {
      const scale = i < rules.length ? ROW : 20;
      const label = svg("text", { x: LEFT - 10, y: top(i) + scale / 2 + 4, "text-anchor": "end", class: i < rules.length ? "name" : "name soft" }, name);
      if (name.length > 17) { label.setAttribute("textLength", LEFT - 14); label.setAttribute("lengthAdjust", "spacingAndGlyphs"); }
      drawn.append(label);
    });
    const every = [];
    for (const row of one.rows) {
      const { colour } = data.outcomes[row.outcome], lane = lanes.indexOf(row.outcome);
      const y = top(rules.indexOf(row.rule)) + ROW * (lane + 0.5) / lanes.length;
      row.seeds.forEach((seed, i) => {
        const aside = ((i * 0.618) % 1 - 0.5) * (ROW / lanes.length - 8);
        const dot = svg("circle", { cx: x(seed[1]), cy: y + aside, r: 3.2, fill: seed[2] ? colour : "none", stroke: colour, class: "seed", role: "img", tabindex: -1, "aria-label": about(one, row, seed) });
        every.push(dot);
        drawn.append(dot);
      });
      const [centre, low, high] = row.centre;
      if (low !== null) drawn.append(svg("line", { x1: x(low), x2: x(high), y1: y, y2: y, class: "interval", stroke: colour }));
      if (centre !== null) drawn.append(svg("path", { d: `M${x(centre)} ${y - 7}v14`, class: "centre" }));
    }
    scripted.forEach(([, shares], i) => shares.forEach((share, k) => drawn.append(
      svg("path", { d: `M${x(share)} ${top(rules.length + i) + 5}l5 5l-5 5l-5 -5z`, fill: data.outcomes[lanes[k]].colour }))));
    walk(drawn, every);
    return element("figure", {}, element("figcaption", {}, element("b", {}, one.title.charAt(0).toUpperCase() + one.title.slice(1))), drawn);
  }

  // One stop of the Tab key a panel; the arrow keys go on from there.
  function walk(drawn, every) {
    if (!every.length) return;
    let at = 0;
    every[0].setAttribute("tabindex", 0);
    const show = (dot) => { tip.textContent = dot.getAttribute("aria-label"); };
    drawn.addEventListener("pointerover", (event) => { if (event.target.matches(".seed")) show(event.target); });
    drawn.addEventListener("pointerleave", () => { tip.textContent = hint; });
    drawn.addEventListener("focusin", (event) => { if (event.target.matches(".seed")) show(event.target); });
    drawn.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
      every[at].setAttribute("tabindex", -1);
      at = (at + step + every.length) % every.length;
      every[at].setAttribute("tabindex", 0);
      every[at].focus();
      event.preventDefault();
    });
  }
  byId("dots-panels").replaceChildren(...data.panels.map(panel));
}
dots(dataOf("dots-data"));
