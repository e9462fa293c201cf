"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const stage = document.getElementById("stage"), panel = document.getElementById("panel");
  const svg = stage.querySelector("svg"), view = svg.querySelector(".view");
  const size = { wide: svg.viewBox.baseVal.width, high: svg.viewBox.baseVal.height };
  const original = svg.cloneNode(true);
  const drawn = id => document.getElementById(id);
  const ids = Object.keys(data.nodes);

  // ---- zoom and pan: the picture's origin at (x, y) of the stage, k times its size
  const at = { x: 0, y: 0, k: 1 };
  const LEAST = 0.02, MOST = 12;

  function show() {
    view.setAttribute("transform", `translate(${at.x} ${at.y}) scale(${at.k})`);
    document.getElementById("scale").textContent = `${Math.round(at.k * 100)} %`;
  }

  function zoom(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
    const k = Math.min(MOST, Math.max(LEAST, at.k * factor));
    at.x = x - (x - at.x) * k / at.k;
    at.y = y - (y - at.y) * k / at.k;
    at.k = k;
    show();
  }

  function centre(id) {
    const box = drawn(id).getBoundingClientRect(), whole = stage.getBoundingClientRect();
    at.x += whole.x + whole.width / 2 - box.x - box.width / 2;
    at.y += whole.y + whole.height / 2 - box.y - box.height / 2;
    show();
  }

  function fit(least = LEAST) {
    const k = Math.min(stage.clientWidth / size.wide, stage.clientHeight / size.high, 1);
    at.k = Math.max(k, least);
    at.x = (stage.clientWidth - size.wide * at.k) / 2;
    at.y = (stage.clientHeight - size.high * at.k) / 2;
    show();
  }

  function start() {
    svg.removeAttribute("viewBox");
    svg.removeAttribute("width");
    svg.removeAttribute("height");
    // a large picture opens at a size that can be read, on what was asked for
    fit(0.55);
    const wanted = ids.find(id => data.nodes[id].wanted);
    if (wanted && (size.wide * at.k > stage.clientWidth || size.high * at.k > stage.clientHeight)) centre(wanted);
  }

  stage.addEventListener("wheel", event => {
    event.preventDefault();
    const whole = stage.getBoundingClientRect();
    const step = event.deltaY * (event.deltaMode === 1 ? 18 : 1);
    zoom(Math.exp(-Math.max(-120, Math.min(120, step)) / 400), event.clientX - whole.x, event.clientY - whole.y);
  }, { passive: false });

  const fingers = new Map();
  let moved = 0;

  function spread() {
    const [a, b] = [...fingers.values()];
    return { d: Math.hypot(a.x - b.x, a.y - b.y) || 1, x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  }

  stage.addEventListener("pointerdown", event => {
    if (event.button !== 0) return;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (fingers.size === 1) moved = 0;
  });
  stage.addEventListener("pointermove", event => {
    const last = fingers.get(event.pointerId);
    if (!last) return;
    const before = fingers.size === 2 ? spread() : null;
    const now = { x: event.clientX, y: event.clientY };
    moved += Math.hypot(now.x - last.x, now.y - last.y);
    fingers.set(event.pointerId, now);
    if (moved > 4 && !stage.classList.contains("moving")) {
      // not before it is a drag: what has the pointer also gets the click
      stage.setPointerCapture(event.pointerId);
      stage.classList.add("moving");
    }
    if (before) {
      const after = spread(), whole = stage.getBoundingClientRect();
      at.x += after.x - before.x;
      at.y += after.y - before.y;
      zoom(after.d / before.d, after.x - whole.x, after.y - whole.y);
    } else if (fingers.size === 1) {
      at.x += now.x - last.x;
      at.y += now.y - last.y;
      show();
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, event => {
      fingers.delete(event.pointerId);
      if (!fingers.size) stage.classList.remove("moving");
    });
  }

  // ---- a chosen node: what it reaches is lit, the panel says what it is
  const out = {}, into = {};
  for (const id of ids) { out[id] = []; into[id] = []; }
  for (const [id, edge] of Object.entries(data.edges)) { out[edge.from].push(id); into[edge.to].push(id); }
  let chosen = null;

  const reach = () => document.querySelector("input[name=reach]:checked").value;

  function cone(id, way) {
    const nodes = new Set([id]), edges = new Set();
    const forward = way !== "in", backward = way !== "out", far = way !== "near";
    const queue = [id];
    while (queue.length) {
      const here = queue.pop();
      const steps = [...(forward ? out[here].map(e => [e, data.edges[e].to]) : []),
                     ...(backward ? into[here].map(e => [e, data.edges[e].from]) : [])];
      for (const [edge, next] of steps) {
        edges.add(edge);
        if (!nodes.has(next)) { nodes.add(next); if (far) queue.push(next); }
      }
      if (!far) break;
    }
    return { nodes, edges };
  }

  function choose(id) {
    chosen = id;
    for (const item of svg.querySelectorAll(".near, .chosen")) item.classList.remove("near", "chosen");
    svg.classList.toggle("lit", id !== null);
    panel.hidden = id === null;
    if (id === null) return;
    const lit = cone(id, reach());
    for (const name of [...lit.nodes, ...lit.edges]) drawn(name).classList.add("near");
    for (const item of svg.querySelectorAll(".label")) item.classList.toggle("near", lit.edges.has(item.dataset.edge));
    drawn(id).classList.add("chosen");
    describe(id, lit.nodes.size - 1);
    // the panel may have come to lie over it
    const box = drawn(id).getBoundingClientRect(), whole = stage.getBoundingClientRect();
    if (box.x < whole.x || box.y < whole.y || box.right > whole.right || box.bottom > whole.bottom) centre(id);
  }

  function element(tag, text, parent, className) {
    const item = document.createElement(tag);
    if (text) item.textContent = text;
    if (className) item.className = className;
    if (parent) parent.append(item);
    return item;
  }

  function describe(id, others) {
    const node = data.nodes[id];
    panel.replaceChildren();
    const close = element("button", "×", panel, "close");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => choose(null));
    element("h2", node.label[0] || "", panel);
    if (node.label.length > 1) element("p", node.label.slice(1).join("\n"), panel, "more");
    const way = document.querySelector("input[name=reach]:checked + span").textContent;
    element("p", `${node.kind} · ${way}: ${others}`, panel, "kind");
    if (node.where) {
      const place = element("p", "", panel);
      const link = element(node.href ? "a" : "code", node.where, place);
      if (node.href) { link.href = node.href; link.target = "_blank"; link.rel = "noopener noreferrer"; }
    }
    const facts = [...node.details, ...(node.within.length ? [["in", node.within.join(" › ")]] : [])];
    if (facts.length) {
      const list = element("dl", "", panel);
      for (const [name, value] of facts) { element("dt", name, list); element("dd", value, list); }
    }
    if (node.excerpt) excerpt(node);
    ends("from", into[id], edge => edge.from);
    ends("to", out[id], edge => edge.to);
  }

  function excerpt(node) {
    const lines = node.excerpt.split("\n"), block = element("pre", "", panel);
    const wide = String(node.excerpt_line + lines.length).length;
    lines.forEach((text, n) => {
      const number = node.excerpt_line + n;
      element("i", `${String(number).padStart(wide)} `, block);
      element(number === node.line ? "b" : "span", `${text}\n`, block);
    });
  }

  function ends(title, edges, other) {
    if (!edges.length) return;
    element("h3", `${title} (${edges.length})`, panel);
    const list = element("ul", "", panel);
    for (const id of edges) {
      const edge = data.edges[id], item = element("li", "", list);
      const button = element("button", data.nodes[other(edge)].label[0] || "?", item);
      button.type = "button";
      button.addEventListener("click", () => { choose(other(edge)); centre(other(edge)); });
      if (edge.tooltip) item.title = edge.tooltip;
      element("small", ` ${[edge.kind, edge.label].filter(Boolean).join(" ")}`, item);
    }
  }

  for (const id of ids) {
    const item = drawn(id), node = data.nodes[id];
    item.setAttribute("tabindex", "0");
    item.setAttribute("role", "button");
    item.setAttribute("aria-label", `${node.kind} ${node.label.join(" ")}`);
  }
  stage.addEventListener("click", event => {
    if (moved > 4) return;
    const node = event.target.closest(".node");
    choose(node ? node.id : null);
  });
  document.getElementById("reach").addEventListener("change", () => choose(chosen));

  // ---- search
  const search = document.getElementById("search"), found = document.getElementById("found");
  let hits = [], hit = -1;

  function find() {
    const wanted = search.value.trim().toLowerCase();
    hits = wanted ? ids.filter(id => data.nodes[id].label.join("\n").toLowerCase().includes(wanted)) : [];
    hit = -1;
    for (const id of ids) drawn(id).classList.toggle("found", hits.includes(id));
    found.textContent = wanted ? String(hits.length) : "";
  }

  function next(step) {
    if (!hits.length) return;
    hit = (hit + step + hits.length) % hits.length;
    found.textContent = `${hit + 1} of ${hits.length}`;
    if (at.k < 0.6) zoom(1 / at.k);
    choose(hits[hit]);
    centre(hits[hit]);
  }

  search.addEventListener("input", find);

  // ---- keys
  const step = 60;
  const keys = {
    "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), "0": () => fit(), "1": () => zoom(1 / at.k),
    ArrowLeft: () => { at.x += step; show(); }, ArrowRight: () => { at.x -= step; show(); },
    ArrowUp: () => { at.y += step; show(); }, ArrowDown: () => { at.y -= step; show(); },
    "/": () => search.focus(), Escape: () => choose(null),
    n: () => pick("near"), i: () => pick("in"), o: () => pick("out"),
  };

  function pick(value) {
    document.querySelector(`input[name=reach][value=${value}]`).checked = true;
    choose(chosen);
  }

  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === search) {
      if (event.key === "Enter") next(event.shiftKey ? -1 : 1);
      if (event.key === "Escape") { search.value = ""; find(); choose(null); stage.focus(); }
      return;
    }
    const node = event.target.closest && event.target.closest(".node");
    if (node && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      choose(node.id);
    } else if (Object.hasOwn(keys, event.key) && !(event.target.type === "radio" && event.key.startsWith("Arrow"))) {
      event.preventDefault();
      keys[event.key]();
    }
  });

  document.getElementById("larger").addEventListener("click", () => zoom(1.25));
  document.getElementById("smaller").addEventListener("click", () => zoom(0.8));
  document.getElementById("scale").addEventListener("click", () => zoom(1 / at.k));
  document.getElementById("fit").addEventListener("click", () => fit());
  document.getElementById("download").addEventListener("click", () => {
    const text = new XMLSerializer().serializeToString(original);
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
    link.download = `${data.title.replace(/[^A-Za-z0-9_.-]+/g, "-").slice(0, 80) || "picture"}.svg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
  start();
})();
