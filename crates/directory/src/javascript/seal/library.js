// What there is of the language's library for a script, and how it is held. What is not named here is removed.

// Object by object, by how it is held.
const known = new Map();
function has(object, names) {
  const all = new Map();
  for (const how of ownKeys(names)) {
    for (const name of names[how].split(' ')) all.set(name.startsWith('@@') ? Symbol[name.slice(2)] : name, how);
  }
  known.set(object, all);
}

const prototypeOf = value => getPrototypeOf(value);
const errors = 'Error EvalError RangeError ReferenceError SyntaxError TypeError URIError InternalError';

has(globalThis, {
  plain: `Object Array String Number Boolean Symbol Math JSON Reflect RegExp Date Map Set WeakMap WeakSet ${errors} `
    + 'globalThis undefined NaN Infinity isNaN isFinite',
  read: 'parseInt parseFloat decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape',
});
has(Object, {
  plain: 'prototype create getPrototypeOf setPrototypeOf defineProperty is hasOwn isExtensible preventExtensions '
    + 'getOwnPropertyDescriptor',
  ticked: 'keys values entries assign fromEntries groupBy getOwnPropertyNames getOwnPropertySymbols '
    + 'getOwnPropertyDescriptors defineProperties freeze isFrozen seal isSealed',
});
has(Object.prototype, {
  plain: 'constructor toString toLocaleString valueOf hasOwnProperty isPrototypeOf propertyIsEnumerable __proto__',
});
has(Function.prototype, { plain: 'call length name @@hasInstance', weighed: 'apply', anew: 'bind toString' });
has(Array, { plain: 'prototype isArray of @@species', ticked: 'from' });
has(Array.prototype, {
  plain: 'constructor length at push pop keys values entries toString @@iterator @@unscopables',
  anew: 'indexOf lastIndexOf includes concat flat flatMap',
  sorted: 'sort toSorted',
  joined: 'join toLocaleString',
  listed: 'with every some forEach map filter reduce reduceRight fill find findIndex findLast findLastIndex shift '
    + 'unshift reverse toReversed slice splice toSpliced copyWithin',
});
has(String, { plain: 'prototype fromCharCode fromCodePoint', anew: 'raw' });
has(String.prototype, {
  plain: 'constructor length at charAt charCodeAt codePointAt toString valueOf @@iterator',
  texted: 'substring substr slice startsWith endsWith trim trimStart trimEnd trimLeft trimRight toLowerCase toUpperCase '
    + 'toLocaleLowerCase toLocaleUpperCase isWellFormed toWellFormed lastIndexOf',
  grown: 'concat repeat padStart padEnd',
  found: 'indexOf includes',
  split: 'split',
  replaced: 'replace replaceAll',
  match: 'match',
  matchAll: 'matchAll',
  search: 'search',
  normalized: 'localeCompare normalize',
});
has(Number, {
  plain: 'prototype isNaN isFinite isInteger isSafeInteger MAX_VALUE MIN_VALUE EPSILON MAX_SAFE_INTEGER '
    + 'MIN_SAFE_INTEGER NaN NEGATIVE_INFINITY POSITIVE_INFINITY',
  read: 'parseInt parseFloat',
});
has(Number.prototype, { plain: 'constructor toExponential toFixed toPrecision toString toLocaleString valueOf' });
has(Boolean, { plain: 'prototype' });
has(Boolean.prototype, { plain: 'constructor toString valueOf' });
has(Symbol, {
  plain: 'prototype for keyFor toPrimitive iterator match matchAll replace search split toStringTag isConcatSpreadable '
    + 'hasInstance species unscopables asyncIterator dispose asyncDispose',
});
has(Symbol.prototype, { plain: 'constructor toString valueOf description @@toPrimitive' });
has(Math, {
  plain: 'min max abs floor ceil round sqrt acos asin atan atan2 cos exp log pow sin tan trunc sign cosh sinh tanh acosh '
    + 'asinh atanh expm1 log1p log2 log10 cbrt hypot fround imul clz32 E LN10 LN2 LOG2E LOG10E PI SQRT1_2 SQRT2',
});
has(JSON, { read: 'parse', anew: 'stringify' });
has(Reflect, {
  plain: 'construct defineProperty deleteProperty get getOwnPropertyDescriptor getPrototypeOf has isExtensible '
    + 'preventExtensions set setPrototypeOf',
  weighed: 'apply',
  ticked: 'ownKeys',
});
has(RegExp, { plain: 'prototype @@species', read: 'escape' });
has(RegExp.prototype, {
  plain: 'constructor flags source global ignoreCase multiline dotAll unicode unicodeSets sticky hasIndices toString',
  matched: 'exec test @@replace @@match @@matchAll @@search @@split',
});
has(Date, { plain: 'prototype UTC parse' });
const fields = ['FullYear', 'Month', 'Date', 'Hours', 'Minutes', 'Seconds', 'Milliseconds'];
has(Date.prototype, {
  plain: 'constructor valueOf toString toUTCString toGMTString toISOString toJSON toDateString toTimeString getTime setTime '
    + 'getDay getUTCDay getTimezoneOffset @@toPrimitive '
    + fields.map(field => `get${field} set${field} getUTC${field} setUTC${field}`).join(' '),
});
has(Map, { plain: 'prototype @@species', ticked: 'groupBy' });
has(Map.prototype, {
  plain: 'constructor size clear keys values entries forEach @@iterator',
  weighed: 'set get has delete',
});
has(Set, { plain: 'prototype @@species' });
has(Set.prototype, {
  plain: 'constructor size clear keys values entries forEach @@iterator',
  weighed: 'add has delete',
  ticked: 'isDisjointFrom isSubsetOf isSupersetOf intersection difference symmetricDifference union',
});
for (const weak of [WeakMap, WeakSet]) {
  has(weak, { plain: 'prototype' });
  has(weak.prototype, { plain: `constructor has delete ${weak === WeakMap ? 'get set' : 'add'}` });
}
for (const error of errors.split(' ')) {
  has(globalThis[error], { plain: 'prototype' });
  has(globalThis[error].prototype, { plain: 'constructor name message toString' });
}

// What is reached by syntax only.
const arrayIterator = prototypeOf([].values());
const iterators = [
  arrayIterator, prototypeOf(''[Symbol.iterator]()), prototypeOf(new Map().keys()), prototypeOf(new Set().keys()),
  prototypeOf(''.matchAll(/(?:)/g)),
];
for (const iterator of iterators) has(iterator, { plain: 'next' });
has(prototypeOf(arrayIterator), { plain: '@@iterator' });
const generator = prototypeOf(function* () {});
has(generator, { plain: 'prototype' });
has(generator.prototype, { plain: 'next return throw' });
const hidden = [
  ...iterators, generator, async function () {}, async function* () {}, (async function* () {})(),
  Iterator.from({ next() {} }), [].values().map(item => item),
  getOwnPropertyDescriptor((function () { return arguments; })(), 'callee').get,
];
