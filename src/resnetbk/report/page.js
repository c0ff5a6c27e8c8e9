// Shows where a number came from beside the number. Without this script the number's link leads to the same rows.
"use strict";
const panel = document.createElement("div");
if (panel.showPopover) {
  panel.id = "panel";
  panel.popover = "auto";
  panel.tabIndex = -1;
  panel.setAttribute("role", "dialog");
  document.body.append(panel);

  const entry = (list, name, value, tag = "span") => {
    const term = list.appendChild(document.createElement("dt"));
    term.textContent = name;
    list.appendChild(document.createElement("dd")).appendChild(document.createElement(tag)).textContent = value;
  };

  const show = (link) => {
    const rows = document.querySelector(link.hash).rows;
    const heading = document.createElement("p");
    heading.textContent = rows.length > 1 ? `${link.innerText} – from ${rows.length} files` : link.innerText;
    panel.setAttribute("aria-label", `Where ${link.innerText} comes from`);
    panel.replaceChildren(heading);
    for (const row of rows) {
      const [path, hash, command] = Array.from(row.cells, (cell) => cell.textContent);
      const list = panel.appendChild(document.createElement("dl"));
      entry(list, "Stage", row.dataset.stage);
      entry(list, "File", path);
      if (link.dataset.key) entry(list, "Key", link.dataset.key);
      entry(list, "SHA-256", hash, "code");
      entry(list, "Command", command, "code");
    }
    panel.showPopover();
    const box = link.getBoundingClientRect();
    const right = document.documentElement.clientWidth - panel.offsetWidth - 8;
    panel.style.left = `${scrollX + Math.max(8, Math.min(box.left, right))}px`;
    panel.style.top = `${scrollY + box.bottom + 6}px`;
    panel.scrollTop = 0;
    panel.focus({ preventScroll: true });
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.from");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    link.focus({ preventScroll: true }); // where the focus goes back to
    show(link);
  });
}

// One stop of the Tab key for each table; arrow keys move inside it.
for (const table of document.querySelectorAll("table")) {
  const links = table.querySelectorAll("tbody a.from");
  links.forEach((link, place) => (link.tabIndex = place ? -1 : 0));
  table.addEventListener("keydown", (event) => {
    const [down, across] =
      { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key] ?? [0, 0];
    const cell = event.target.closest("td, th");
    if (!cell || (!down && !across)) return;
    const row = table.rows[cell.parentNode.rowIndex + down];
    const next = row?.cells[cell.cellIndex + across]?.querySelector("a.from");
    if (!next) return;
    event.preventDefault();
    for (const link of links) link.tabIndex = link === next ? 0 : -1;
    next.focus();
  });
}
