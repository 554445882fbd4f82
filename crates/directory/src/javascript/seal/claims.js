// What runs scripts: gives each its own claims, and the criteria scripts to call.

// The claims of the evaluation, as text, and the claims object of the script that is running.
let user, device, system, current;
let criteria = [];

function part(read) {
  let value, isRead = false;
  return {
    get() {
      if (!isRead) {
        value = read();
        isRead = true;
      }
      return value;
    },
    set(given) {
      value = given;
      isRead = true;
    },
    enumerable: true,
    configurable: true,
  };
}

function circumstance(read) {
  return part(() => {
    noteCircumstances();
    return read();
  });
}

// The provider goes with the account; what else there is differs from login to login.
function aboutTheLogin() {
  const told = parse(system);
  for (const name of ownKeys(told)) {
    const value = told[name];
    if (name !== 'providerName') defineProperty(told, name, circumstance(() => value));
  }
  return told;
}

function claims() {
  const given = {};
  defineProperty(given, 'user', part(() => parse(user)));
  defineProperty(given, 'device', circumstance(() => parse(device)));
  defineProperty(given, 'system', part(aboutTheLogin));
  return given;
}

function call(script, given) {
  const before = current;
  current = given;
  try {
    return apply(apply(script, undefined, criteria), undefined, [given]);
  } finally {
    current = before;
  }
}

return {
  begin(...texts) {
    [user, device, system] = texts;
  },
  // What a criteria script returns has to be true or false. It never sees what its caller did to the claims: given its
  // caller's, it gets them as they were; given anything else, a copy.
  connect(names, scripts) {
    criteria = names.map((name, place) => freeze(({ [name](given) {
      if (!scripts[place]) throw new TypeError(`the criteria script ${name} cannot be compiled`);
      const result = call(scripts[place], given === current ? claims() : parse(anew.stringify(given) ?? 'null'));
      if (typeof result !== 'boolean') throw new TypeError(`the criteria script ${name} did not return true or false`);
      return result;
    } })[name]));
  },
  run: script => call(script, claims()),
  // The text of a plain object, or nothing.
  render(value) {
    if (typeof value !== 'object' || value === null || isArray(value)) return undefined;
    const prototype = getPrototypeOf(value);
    return prototype === null || prototype === Object.prototype ? anew.stringify(value) : undefined;
  },
  explain(thrown) {
    const isError = typeof thrown === 'object' && thrown !== null && typeof thrown.message === 'string';
    return text(isError ? `${thrown.name}: ${thrown.message}` : String(thrown));
  },
};
