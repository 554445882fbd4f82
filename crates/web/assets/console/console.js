// What makes the console quicker with a script. Pages work without it.
"use strict";

(() => {
  // Times are shown in the reader's zone from the next page on; a year is as long as it is worth.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const told = "__Host-portreeve-zone=" + encodeURIComponent(zone);
  if (zone && !document.cookie.split("; ").includes(told)) {
    document.cookie = told + "; path=/; max-age=31536000; samesite=lax; secure";
  }

  const isTyping = (element) => element.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;
  const key = (name) => document.querySelector('[data-key="' + name + '"]');
  const rows = () => [...document.querySelectorAll("table.rows tbody tr:has(th[scope=row] a)")];
  let going = false;

  const moveRow = (step) => {
    const all = rows();
    const here = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[here < 0 ? (step > 0 ? 0 : all.length - 1) : here + step];
    if (next) next.querySelector("th[scope=row] a").focus();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    if (going) {
      going = false;
      const way = /^[a-z]$/.test(event.key) && document.querySelector('a[data-key="' + event.key + '"]');
      if (way) {
        event.preventDefault();
        way.click();
      }
      return;
    }
    const acts = {
      "/": () => document.getElementById("search")?.focus(),
      "?": () => document.getElementById("keys")?.showModal(),
      g: () => { going = true; setTimeout(() => { going = false; }, 1500); },
      n: () => key("new")?.click(),
      e: () => key("edit")?.click(),
      j: () => moveRow(1),
      k: () => moveRow(-1),
      x: () => document.activeElement?.closest("tr")?.querySelector("input[type=checkbox]")?.click(),
    };
    if (Object.hasOwn(acts, event.key)) {
      event.preventDefault();
      acts[event.key]();
    }
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.opens) document.getElementById(button.dataset.opens).showModal();
    if (button.dataset.copies) {
      const from = document.getElementById(button.dataset.copies);
      try {
        await navigator.clipboard.writeText(from.textContent);
        button.textContent = button.dataset.copied;
      } catch {
        // Without leave to copy, it is at least marked for the reader to do so.
        getSelection().selectAllChildren(from);
      }
    }
    if ("addsRow" in button.dataset) {
      const last = [...button.parentElement.querySelectorAll("[data-row]")].at(-1);
      const row = last.cloneNode(true);
      row.querySelectorAll("input, textarea").forEach((input) => { input.value = ""; });
      row.querySelectorAll("select").forEach((select) => { select.selectedIndex = 0; });
      // What is numbered gets the next number.
      for (const part of [row, ...row.querySelectorAll("*")]) {
        for (const name of ["id", "for", "aria-label"]) {
          const numbered = part.getAttribute(name)?.replace(/\d+$/, (number) => Number(number) + 1);
          if (numbered) part.setAttribute(name, numbered);
        }
      }
      last.after(row);
      row.querySelector("input, select").focus();
    }
    if (button.dataset.ticks) {
      const head = button.closest("th");
      const line = button.dataset.ticks === "row" ? [...head.parentElement.cells]
        : [...head.closest("table").rows].map((row) => row.cells[head.cellIndex]);
      const boxes = line.map((cell) => cell.querySelector("input")).filter(Boolean);
      const ticks = !boxes.every((box) => box.checked);
      boxes.forEach((box) => { box.checked = ticks; });
      boxes[0]?.dispatchEvent(new Event("input", {bubbles: true}));
    }
  });

  document.addEventListener("change", (event) => {
    if ("ticksAll" in event.target.dataset) {
      event.target.closest("table").querySelectorAll("tbody input[type=checkbox]")
        .forEach((box) => { box.checked = event.target.checked; });
    }
    if ("submits" in event.target.dataset) event.target.form.requestSubmit();
  });

  // In code a tab is a tab; Escape, then Tab, goes on to the next field.
  document.addEventListener("keydown", (event) => {
    const area = event.target;
    if (!area.matches?.("textarea.code") || event.key !== "Tab" || event.shiftKey || area.dataset.leaves) {
      if (area.matches?.("textarea.code")) area.dataset.leaves = event.key === "Escape" ? "1" : "";
      return;
    }
    event.preventDefault();
    area.setRangeText("  ", area.selectionStart, area.selectionEnd, "end");
  });

  // Enter asks what is asked beside a form, where it would send the form.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.dataset?.enters) return;
    event.preventDefault();
    document.getElementById(event.target.dataset.enters).click();
  });

  // What was filled in and not sent is not lost by a slip.
  let dirty = false;
  document.addEventListener("input", (event) => {
    if (event.target.dataset.filters) {
      const wanted = event.target.value.trim().toLowerCase();
      document.getElementById(event.target.dataset.filters).querySelectorAll("[data-filtered]")
        .forEach((part) => { part.hidden = !part.textContent.toLowerCase().includes(wanted); });
      return;
    }
    if (event.target.closest("form.stack")) dirty = true;
  });
  document.addEventListener("submit", () => { dirty = false; });
  addEventListener("beforeunload", (event) => {
    if (dirty) event.preventDefault();
  });
})();
