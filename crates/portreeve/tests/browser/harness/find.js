// What may be called by a name: called with CSS for the kind, the name, and CSS for where to look. The browser has the last
// word on names, and has none for what cannot be seen; this saves asking it about everything on the page.
const [kind, name, where] = arguments;
const bare = (text) => text.replace(/\s+/g, "");
// Behind an open dialog nothing can be used.
const ground = [...document.querySelectorAll("dialog:modal")].at(-1) ?? document;
const words = (one) => [
  one.textContent,
  one.value,
  one.placeholder,
  ...["aria-label", "title"].map((attribute) => one.getAttribute(attribute)),
  ...(one.getAttribute("aria-labelledby") ?? "").split(/\s+/).map((id) => document.getElementById(id)?.textContent),
  ...[...(one.labels ?? [])].map((label) => label.textContent),
  ...[...one.querySelectorAll("[alt], [aria-label], title")].map(
    (part) => part.getAttribute("alt") ?? part.getAttribute("aria-label") ?? part.textContent,
  ),
];
const within = where ? [...ground.querySelectorAll(where)] : [ground];
const found = within.flatMap((part) => [...part.querySelectorAll(kind)]);
return [...new Set(found)].filter((one) => bare(words(one).join(" ")).includes(bare(name)));
