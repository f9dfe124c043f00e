"use strict";
(() => {
  const each = (selector, act, root = document) => root.querySelectorAll(selector).forEach(act);
  const said = document.getElementById("said");

  // Colours: those of the system until a choice is made, which this browser keeps.
  const theme = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const kept = { get: () => { try { return localStorage.getItem("theme"); } catch { return null; } },
                 set: (name) => { try { localStorage.setItem("theme", name); } catch { /* a browser may refuse */ } } };
  const isDark = () => (document.documentElement.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const named = () => { theme.textContent = isDark() ? "Light colours" : "Dark colours"; };
  if (kept.get()) document.documentElement.dataset.theme = kept.get();
  theme.hidden = false;
  theme.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    kept.set(document.documentElement.dataset.theme);
    named();
  });
  system.addEventListener("change", named);
  named();

  // Copying: the clipboard, or a text that is selected where there is none.
  const copy = async (text, what) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    said.textContent = "";
    requestAnimationFrame(() => { said.textContent = `${what} copied`; });
    return text;
  };
  each(".command", (code) => {
    code.title = "Copy";
    const act = () => copy(code.textContent, "command");
    code.addEventListener("click", act);
    code.addEventListener("keydown", (event) => { if (event.key === "Enter") act(); });
  });

  // A text that a spreadsheet would take for a formula is marked as text.
  const quoted = (text) => {
    const safe = /^[=+\-@\t]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const key = (cell) => cell.dataset.value ?? cell.textContent.trim();
  const csv = (table) => [...table.rows].map((row) => [...row.cells].map((cell) => quoted(key(cell))).join(",")).join("\n");
  each("table.data", (table) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy as CSV";
    button.addEventListener("click", () => copy(csv(table), "table"));
    table.caption.append(button);
    if (table.caption.matches(".quiet")) { table.parentElement.before(button); }
  });

  // Sorting: numbers fall first, text rises first; cells without a value stay last.
  const compare = (one, other, sign) => {
    if (one === "" || other === "") return (one === "") - (other === "");
    const apart = Number(one) - Number(other);
    return sign * (Number.isNaN(apart) ? one.localeCompare(other, "en", { numeric: true }) : apart);
  };
  each("table.data:not(.figures, .matrix) thead th", (header) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    header.replaceChildren(button);
    button.addEventListener("click", () => {
      const body = header.closest("table").tBodies[0];
      const before = header.getAttribute("aria-sort");
      const falls = before ? before === "ascending" : header.matches(".number");
      const sign = falls ? -1 : 1;
      const at = header.cellIndex;
      each("th", (other) => other.removeAttribute("aria-sort"), header.parentElement);
      header.setAttribute("aria-sort", falls ? "descending" : "ascending");
      body.append(...[...body.rows].sort((a, b) => compare(key(a.cells[at]), key(b.cells[at]), sign)));
    });
  });

  // Charts: what lies nearest to the pointer, or at the step of the arrow keys, read from the table of figures.
  const nearest = (marks, name, to) =>
    marks.reduce((best, mark, at) => Math.abs(mark.dataset[name] - to) < Math.abs(marks[best].dataset[name] - to) ? at : best, 0);
  each("figure.chart", (figure) => {
    const plot = figure.querySelector(".plot");
    const cursor = plot.querySelector(".cursor");
    const table = figure.querySelector(".figures");
    const grid = table.matches(".grid");
    const rows = [...table.tBodies[0].rows];
    const heads = [...table.tHead.rows[0].cells];
    if (!rows.length) return;
    const at = { row: Math.floor(rows.length / 2), column: Math.floor(heads.length / 2) };
    const show = () => {
      const cells = [...rows[at.row].cells];
      const words = grid
        ? [`${table.dataset.across} ${heads[at.column].textContent}, ${table.dataset.up} ${cells[0].textContent}: ${table.dataset.z} ${cells[at.column].textContent}`]
        : [`${heads[0].textContent} ${cells[0].textContent}:`, ...cells.slice(1).map((cell, n) => cell.textContent && `${heads[n + 1].textContent} ${cell.textContent}`)];
      figure.querySelector(".read").textContent = words.filter(Boolean).join("  ");
      if (grid) { cursor.setAttribute("cx", heads[at.column].dataset.x); cursor.setAttribute("cy", rows[at.row].dataset.y); }
      else cursor.setAttribute("transform", `translate(${rows[at.row].dataset.x} 0)`);
      cursor.setAttribute("visibility", "visible");
    };
    plot.addEventListener("pointermove", (event) => {
      const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(plot.getScreenCTM().inverse());
      if (grid) { at.row = nearest(rows, "y", place.y); at.column = 1 + nearest(heads.slice(1), "x", place.x); }
      else at.row = nearest(rows, "x", place.x);
      show();
    });
    plot.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      const within = (value, low, high) => Math.min(Math.max(value, low), high);
      at.row = within(at.row + (grid ? step[1] : step[0] + step[1]), 0, rows.length - 1);
      if (grid) at.column = within(at.column + step[0], 1, heads.length - 1);
      show();
    });
  });

  // Gallery: layers of all scenes together, frames of each.
  each(".gallery", (gallery) => {
    each(".layers input", (box) => {
      const show = () => each("img", (image) => { if (image.dataset.layer === box.value) image.hidden = !box.checked; }, gallery);
      box.addEventListener("change", show);
      show();
    }, gallery);
    each(".frames", (label) => {
      const slider = label.querySelector("input");
      const titles = [...label.querySelectorAll("i")].map((title) => title.textContent);
      const images = label.parentElement.querySelectorAll("img[data-frame]");
      const show = () => {
        images.forEach((image) => image.toggleAttribute("data-off", image.dataset.frame !== slider.value));
        label.querySelector("output").textContent = titles[slider.value];
        slider.setAttribute("aria-valuetext", titles[slider.value]);
      };
      slider.addEventListener("input", show);
      show();
    }, gallery);
  });
})();
