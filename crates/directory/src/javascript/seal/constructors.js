// Constructors that are replaced: those that compute for long, and dates, which know no clock. The engine's own are out of
// reach then.

function replace(name, make) {
  const native = globalThis[name];
  const made = make(native);
  for (const key of ownKeys(native)) {
    if (key === 'prototype') defineProperty(made, key, { value: native.prototype, writable: false });
    else defineProperty(made, key, getOwnPropertyDescriptor(native, key));
  }
  native.prototype.constructor = made;
  globalThis[name] = made;
}

for (const name of ['Map', 'Set', 'WeakMap', 'WeakSet']) {
  replace(name, native => function (items) {
    if (!new.target) throw new TypeError(`${name} needs new`);
    weigh(undefined, [items]);
    tick();
    return construct(native, [items], new.target);
  });
}

replace('RegExp', native => function RegExp(pattern, flags) {
  if (!new.target && isPattern(pattern) && flags === undefined) return pattern;
  if (isPattern(pattern) && flags === undefined) flags = pattern.flags;
  const source = isPattern(pattern) ? apply(sourceOf, pattern, []) : pattern === undefined ? '' : text(pattern);
  if (source.length > PATTERN) throw tooLong('regular expression');
  tick();
  return construct(native, [source, flags === undefined ? flags : text(flags)], new.target ?? native);
});

// Dates are what they are made of. There is no now, and no time zone but UTC: two nodes must not differ.
const { UTC, parse: parseDate } = Date;
const { getTime } = Date.prototype;
const zone = /(?:Z|[+-]\d\d:?\d\d)\s*$|GMT|UTC|[+-]\d{4}\b/i;
const isDate = value => {
  try {
    apply(getTime, value, []);
    return true;
  } catch {
    return false;
  }
};
function readDate(value) {
  const given = text(value);
  weigh(given, []);
  const asIs = parseDate(given);
  if (asIs !== asIs || zone.test(given)) return asIs;
  const withZ = parseDate(given + 'Z');
  return withZ === withZ ? withZ : parseDate(given + ' UTC');
}
replace('Date', native => function Date(...args) {
  if (!new.target || args.length === 0) throw new TypeError('there is no clock: Date needs new and a time');
  let time = args[0];
  if (args.length > 1) time = UTC(...args);
  else if (isDate(time)) time = apply(getTime, time, []);
  else {
    if (typeof time === 'object' && time !== null) time = time.valueOf();
    if (typeof time === 'object' && time !== null) time = String(time);
    if (typeof time === 'string') time = readDate(time);
  }
  return construct(native, [time], new.target);
});
Date.parse = ({ parse: value => readDate(value) }).parse;
for (const part of ['FullYear', 'Month', 'Date', 'Hours', 'Minutes', 'Seconds', 'Milliseconds', 'Day']) {
  Date.prototype[`get${part}`] = Date.prototype[`getUTC${part}`];
  if (part !== 'Day') Date.prototype[`set${part}`] = Date.prototype[`setUTC${part}`];
}
const { toUTCString } = Date.prototype;
Date.prototype.toString = toUTCString;
Date.prototype.toDateString = ({ toDateString() { return apply(toUTCString, this, []).slice(0, 16); } }).toDateString;
Date.prototype.toTimeString = ({ toTimeString() { return apply(toUTCString, this, []).slice(17); } }).toTimeString;
Date.prototype.getTimezoneOffset = ({ getTimezoneOffset() { return apply(getTime, this, []) * 0; } }).getTimezoneOffset;
