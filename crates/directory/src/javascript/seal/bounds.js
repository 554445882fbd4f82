// How what computes for long in the engine's own code, where it does not look at the clock, is held to a size. Begins the
// text that seals a runtime; the other files here go on in its scope. It is given `tick`, which throws when a script's time
// is over, and `noteCircumstances`.

const { apply, construct, defineProperty, deleteProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const { freeze } = Object;
const { isArray } = Array;
const { parse, stringify } = JSON;

// Longest text that a function of the library takes, in UTF-16 units, and longest list.
const TEXT = 1 << 20;
const LIST = 100000;
// The product of the lengths of what is sought and of where; and the longest text that is normalized or becomes a
// regular expression. The engine's time grows with the square of these.
const SEARCH = 1e8;
const NORMALIZED = 10000;
const PATTERN = 5000;
// Work below this is not worth a look at the clock.
const LITTLE = 1000;

const tooLong = what => new RangeError(`the ${what} is too long`);

// The length of what can be told without running anything of the script's.
function size(value) {
  if (typeof value === 'string') {
    if (value.length > TEXT) throw tooLong('text');
    return value.length;
  }
  if (isArray(value)) {
    if (value.length > LIST) throw tooLong('list');
    return value.length;
  }
  return 0;
}

function weigh(self, args) {
  let work = size(self);
  for (let i = 0; i < args.length; i++) work += size(args[i]);
  if (work > LITTLE) tick();
}

// Text and lists are coerced here, so that no object can be short when it is measured and long when it is used.
function text(value) {
  const result = typeof value === 'string' ? value : String(value);
  size(result);
  return result;
}

function list(value) {
  if (value === undefined || value === null) throw new TypeError('there is no list');
  const length = isArray(value) || typeof value !== 'object' && typeof value !== 'function'
    ? value.length : getOwnPropertyDescriptor(value, 'length')?.value;
  if (length === undefined && typeof value !== 'object') return 0;
  if (typeof length !== 'number') throw new TypeError('this is not a list');
  if (length > LIST && typeof value !== 'string') throw tooLong('list');
  if (length > LITTLE) tick();
  return length > 0 ? Math.floor(length) : 0;
}

const sourceOf = getOwnPropertyDescriptor(RegExp.prototype, 'source').get;
const isPattern = value => {
  if (typeof value !== 'object' || value === null || value === RegExp.prototype) return false;
  try {
    apply(sourceOf, value, []);
    return true;
  } catch {
    return false;
  }
};

// Ways to hold a function to a size: each gives another in its place, or the same. The new ones are methods, so that they
// are no constructors.
const holds = {
  plain: native => native,
  weighed: native => ({ held(...args) {
    weigh(this, args);
    return apply(native, this, args);
  } }).held,
  ticked: native => ({ held(...args) {
    weigh(this, args);
    tick();
    return apply(native, this, args);
  } }).held,
  listed: native => ({ held(...args) {
    list(this);
    weigh(undefined, args);
    return apply(native, this, args);
  } }).held,
  joined: native => ({ held(...args) {
    list(this);
    tick();
    return apply(native, this, args);
  } }).held,
  sorted: native => ({ held(compare) {
    list(this);
    return apply(native, this, [compare === undefined ? byText : compare]);
  } }).held,
  texted: native => ({ held(...args) {
    const self = receiver(this);
    coerce(args);
    weigh(self, args);
    return apply(native, self, args);
  } }).held,
  grown: native => ({ held(...args) {
    const self = receiver(this);
    coerce(args);
    weigh(self, args);
    tick();
    return apply(native, self, args);
  } }).held,
  read: native => ({ held(value, ...rest) {
    const given = text(value);
    weigh(given, rest);
    return apply(native, this, [given, ...rest]);
  } }).held,
  normalized: native => ({ held(...args) {
    const self = receiver(this);
    if (args.length > 0 && args[0] !== undefined) args[0] = text(args[0]);
    if (self.length + (args[0]?.length ?? 0) > NORMALIZED) throw tooLong('text');
    tick();
    return apply(native, self, args);
  } }).held,
  matched: native => ({ held(value, ...rest) {
    if (!isPattern(this)) throw new TypeError('this is not a regular expression');
    const given = text(value);
    weigh(given, rest);
    return apply(native, this, [given, ...rest]);
  } }).held,
  found: native => searching(native, undefined, SEARCH),
  split: native => searching(native, Symbol.split, SEARCH),
  replaced: native => searching(native, Symbol.replace, SEARCH),
  match: native => searching(native, Symbol.match, PATTERN),
  matchAll: native => searching(native, Symbol.matchAll, PATTERN),
  search: native => searching(native, Symbol.search, PATTERN),
  anew: native => anew[native.name],
};

function receiver(self) {
  if (self === undefined || self === null) throw new TypeError('there is no text');
  return text(self);
}

function coerce(args) {
  for (let i = 0; i < args.length; i++) if (typeof args[i] === 'object' && args[i] !== null) args[i] = text(args[i]);
}

function byText(a, b) {
  a = text(a);
  b = text(b);
  if (a.length + b.length > LITTLE) tick();
  return a < b ? -1 : a > b ? 1 : 0;
}

// Searches in text: a regular expression does its own, anything else is sought as text. `most` bounds the text that
// becomes a regular expression, or the product of both lengths.
function searching(native, symbol, most) {
  const own = symbol && RegExp.prototype[symbol];
  const all = native === String.prototype.matchAll || native === String.prototype.replaceAll;
  return ({ held(sought, ...rest) {
    const self = receiver(this);
    coerce(rest);
    weigh(self, rest);
    if (own && isPattern(sought)) {
      if (all && !text(sought.flags).includes('g')) throw new TypeError('the regular expression is not global');
      return apply(own, sought, [self, ...rest]);
    }
    if (sought === undefined) return apply(native, self, [sought, ...rest]);
    const needle = text(sought);
    if ((most === PATTERN ? 1 : self.length) * needle.length > most) throw tooLong('text');
    weigh(needle, []);
    return apply(native, self, [needle, ...rest]);
  } }).held;
}

// What is written anew, because the engine's own would loop or recurse without looking at the clock.
const anew = {
  // For another reason: when memory runs out in it, the engine's own frees what it has not yet made.
  bind(self, ...first) {
    const target = this;
    if (typeof target !== 'function') throw new TypeError('what is bound is not a function');
    function bound(...rest) {
      const args = [...first, ...rest];
      return new.target ? construct(target, args, new.target === bound ? target : new.target) : apply(target, self, args);
    }
    defineProperty(bound, 'name', { value: `bound ${typeof target.name === 'string' ? target.name : ''}` });
    defineProperty(bound, 'length', { value: Math.max(0, target.length - first.length) || 0 });
    bound.prototype = target.prototype;
    return bound;
  },
  indexOf(sought, from = 0) {
    const length = list(this);
    const items = Object(this);
    from = Math.trunc(from) || 0;
    for (let i = from < 0 ? Math.max(0, length + from) : from; i < length; i++) {
      if (items[i] === sought && i in items) return i;
    }
    return -1;
  },
  lastIndexOf(sought, from) {
    const length = list(this);
    const items = Object(this);
    from = arguments.length > 1 ? Math.trunc(from) || 0 : length - 1;
    for (let i = from < 0 ? length + from : Math.min(from, length - 1); i >= 0; i--) {
      if (items[i] === sought && i in items) return i;
    }
    return -1;
  },
  includes(sought, from = 0) {
    const length = list(this);
    from = Math.trunc(from) || 0;
    for (let i = from < 0 ? Math.max(0, length + from) : from; i < length; i++) {
      const item = this[i];
      if (item === sought || item !== item && sought !== sought) return true;
    }
    return false;
  },
  concat(...items) {
    const result = [];
    for (const item of [this, ...items]) {
      if (isArray(item)) spread(result, item, 1);
      else result[result.length] = item;
    }
    return result;
  },
  flat(depth = 1) {
    list(this);
    return spread([], this, (Math.trunc(depth) || 0) + 1);
  },
  flatMap(change, self) {
    const length = list(this);
    if (typeof change !== 'function') throw new TypeError('what flatMap is given is not a function');
    const result = [];
    for (let i = 0; i < length; i++) {
      if (!(i in this)) continue;
      const item = apply(change, self, [this[i], i, this]);
      if (isArray(item)) spread(result, item, 1);
      else result[result.length] = item;
    }
    return result;
  },
  raw(strings, ...values) {
    const parts = strings.raw;
    const length = typeof parts === 'string' ? size(parts) : list(parts);
    let result = '';
    for (let i = 0; i < length; i++) {
      result += String(parts[i]);
      if (i + 1 < length && i < values.length) result += String(values[i]);
    }
    return result;
  },
  stringify(value, replacer, space) {
    let keep = typeof replacer === 'function' ? replacer : (key, item) => item;
    if (isArray(replacer)) {
      list(replacer);
      const names = new Set();
      for (let i = 0; i < replacer.length; i++) names.add(String(replacer[i]));
      let first = true;
      keep = function (key, item) {
        const kept = first || isArray(this) || names.has(key);
        first = false;
        return kept ? item : undefined;
      };
    }
    tick();
    // With a function the engine comes by here for each value, and so looks at the clock.
    return stringify(value, keep, space);
  },
  toString() {
    return `function ${typeof this === 'function' ? this.name : ''}() { [native code] }`;
  },
};

function put(object, key, value) {
  defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

// Appends the items of a list to another, and those of the lists in it.
function spread(result, items, depth) {
  const length = list(items);
  for (let i = 0; i < length; i++) {
    if (!(i in items)) continue;
    const item = items[i];
    if (depth > 1 && isArray(item)) spread(result, item, depth - 1);
    else result[result.length] = item;
    if (result.length > LIST) throw tooLong('list');
  }
  return result;
}
