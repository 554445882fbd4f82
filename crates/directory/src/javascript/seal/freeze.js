// Removes what is not known, puts what is held in its place, and freezes everything that a script can reach.

// Nobody can read a stack here; to note it would only take time.
Error.stackTraceLimit = 0;

// Everything is gathered before anything is removed, so that what is removed is harmless too, should it turn up.
const all = new Set();
function gather(value) {
  if (typeof value !== 'object' && typeof value !== 'function' || value === null || all.has(value)) return;
  all.add(value);
  gather(getPrototypeOf(value));
  for (const key of ownKeys(value)) {
    const property = getOwnPropertyDescriptor(value, key);
    gather(property.value);
    gather(property.get);
    gather(property.set);
  }
}
gather(globalThis);
hidden.forEach(gather);

const ofFunctions = new Set(['length', 'name', 'prototype']);
const held = new Map();
function hold(native, how) {
  if (how === 'plain' || typeof native !== 'function') return native;
  if (!held.has(native)) {
    const made = holds[how](native);
    defineProperty(made, 'name', { value: native.name });
    defineProperty(made, 'length', { value: native.length });
    held.set(native, made);
  }
  return held.get(native);
}
for (const object of all) {
  const names = known.get(object);
  for (const key of ownKeys(object)) {
    const property = getOwnPropertyDescriptor(object, key);
    const how = names?.get(key)
      ?? (key === Symbol.toStringTag || typeof object === 'function' && ofFunctions.has(key) ? 'plain' : undefined);
    if (how === undefined) {
      if (!deleteProperty(object, key)) throw new TypeError(`${String(key)} cannot be removed`);
    } else if (how !== 'plain') {
      const made = hold(property.value, how);
      if (typeof made !== 'function') throw new TypeError(`${String(key)} cannot be held`);
      defineProperty(object, key, { value: made });
    }
  }
}

const gathered = [...all];

// A frozen property of a prototype cannot be assigned on what inherits it. For the names that scripts do assign, an
// accessor makes it possible.
function soften(object, names) {
  for (const name of names.split(' ')) {
    const property = getOwnPropertyDescriptor(object, name);
    if (!property || !('value' in property)) continue;
    defineProperty(object, name, {
      get: () => property.value,
      set(value) {
        if (this === object) throw new TypeError(`${name} cannot be changed`);
        put(this, name, value);
      },
    });
  }
}
soften(Object.prototype, 'toLocaleString valueOf hasOwnProperty');
soften(getPrototypeOf(tick), 'toString');
for (const object of gathered) if (known.get(object)?.has('constructor')) soften(object, 'constructor name message toString');

// What was removed from sight is frozen with the rest: syntax may still lead to it, as it does to promises.
all.clear();
gather(globalThis);
gathered.forEach(gather);
all.forEach(freeze);
