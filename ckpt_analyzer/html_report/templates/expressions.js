// Vega's expressions as closures. Each is turned into functions once; the interpreter that Vega
// brings along walks its tree, and makes a scope, for every mark and channel. No eval either way.
"use strict";

const compiledExpressions = (() => {
  const CONSTANTS = {
    NaN, E: Math.E, LN2: Math.LN2, LN10: Math.LN10, LOG2E: Math.LOG2E, LOG10E: Math.LOG10E, PI: Math.PI,
    SQRT1_2: Math.SQRT1_2, SQRT2: Math.SQRT2, MIN_VALUE: Number.MIN_VALUE, MAX_VALUE: Number.MAX_VALUE, undefined,
  };
  // What Vega writes as plain JavaScript and so does not hand over among its own functions.
  const PLAIN = {
    isNaN: Number.isNaN, isFinite: Number.isFinite, now: Date.now,
    clamp: (x, low, high) => Math.max(low, Math.min(high, x)),
    length: (list) => list.length, join: (list, ...rest) => list.join(...rest),
    indexof: (list, ...rest) => list.indexOf(...rest), lastindexof: (list, ...rest) => list.lastIndexOf(...rest),
    slice: (list, ...rest) => list.slice(...rest), reverse: (list) => list.slice().reverse(),
    parseFloat, parseInt, upper: (text) => String(text).toUpperCase(), lower: (text) => String(text).toLowerCase(),
    substring: (text, ...rest) => String(text).substring(...rest), split: (text, ...rest) => String(text).split(...rest),
    replace: (text, ...rest) => String(text).replace(...rest), trim: (text) => String(text).trim(),
    regexp: RegExp, test: (pattern, text) => RegExp(pattern).test(text),
  };
  for (const name of Object.getOwnPropertyNames(Math)) if (typeof Math[name] === "function") PLAIN[name] ??= Math[name];
  const OF_EVENT = new Set(["view", "item", "group", "xy", "x", "y"]);
  const UNARY = { "+": (a) => +a, "-": (a) => -a, "~": (a) => ~a, "!": (a) => !a };
  const BINARY = {
    "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => a / b, "%": (a, b) => a % b,
    "==": (a, b) => a == b, "!=": (a, b) => a != b, "===": (a, b) => a === b, "!==": (a, b) => a !== b,
    "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
    "&": (a, b) => a & b, "|": (a, b) => a | b, "^": (a, b) => a ^ b,
    "<<": (a, b) => a << b, ">>": (a, b) => a >> b, ">>>": (a, b) => a >>> b,
  };

  // A node becomes a function of the scope: { params, datum, event, item }.
  const made = {
    Literal: ({ value }) => () => value,
    Identifier({ name }) {
      if (name === "datum") return (scope) => scope.datum;
      if (name === "event") return (scope) => scope.event;
      if (name === "item") return (scope) => scope.item;
      if (Object.hasOwn(CONSTANTS, name)) return () => CONSTANTS[name];
      const signal = `$${name}`;
      return (scope) => scope.params[signal];
    },
    MemberExpression({ computed, object, property }, functions) {
      const of = closure(object, functions);
      if (!computed) return (scope) => of(scope)[property.name];
      const key = closure(property, functions);
      return (scope) => of(scope)[key(scope)];
    },
    CallExpression({ callee, arguments: given }, functions) {
      const name = callee.name.replace(/^_/, "");
      const [a, b, c, ...rest] = given.map((node) => closure(node, functions));
      if (name === "if") return (scope) => (a(scope) ? b(scope) : c(scope));
      if (OF_EVENT.has(name) && !functions[name]) return (scope) => scope.event.vega[name](...(a ? [a(scope)] : []));
      const call = functions[name] ?? PLAIN[name];
      if (!call) throw new Error(`no function ${name} in expressions.js`);
      if (!a) return () => call.call(functions);
      if (!b) return (scope) => call.call(functions, a(scope));
      if (!c) return (scope) => call.call(functions, a(scope), b(scope));
      return (scope) => call.call(functions, a(scope), b(scope), c(scope), ...rest.map((of) => of(scope)));
    },
    ArrayExpression({ elements }, functions) {
      const all = elements.map((node) => closure(node, functions));
      return (scope) => all.map((of) => of(scope));
    },
    ObjectExpression({ properties }, functions) {
      const all = properties.map(({ key, value }) => [key.name ?? key.value, closure(value, functions)]);
      return (scope) => Object.fromEntries(all.map(([key, of]) => [key, of(scope)]));
    },
    UnaryExpression({ operator, argument }, functions) {
      const apply = UNARY[operator], of = closure(argument, functions);
      return (scope) => apply(of(scope));
    },
    BinaryExpression({ operator, left, right }, functions) {
      const apply = BINARY[operator], a = closure(left, functions), b = closure(right, functions);
      return (scope) => apply(a(scope), b(scope));
    },
    LogicalExpression({ operator, left, right }, functions) {
      const a = closure(left, functions), b = closure(right, functions);
      return operator === "&&" ? (scope) => a(scope) && b(scope) : (scope) => a(scope) || b(scope);
    },
    ConditionalExpression({ test, consequent, alternate }, functions) {
      const is = closure(test, functions), a = closure(consequent, functions), b = closure(alternate, functions);
      return (scope) => (is(scope) ? a(scope) : b(scope));
    },
  };
  const closure = (node, functions) => made[node.type](node, functions);

  // Sides that were given in pairs become a place and a width, as Vega's own encoders do it.
  function settle(item, channels, isBox) {
    for (const [low, high, centre, size] of [["x", "x2", "xc", "width"], ["y", "y2", "yc", "height"]]) {
      if (channels[high]) {
        if (channels[low]) {
          if (isBox && item[low] > item[high]) [item[low], item[high]] = [item[high], item[low]];
          item[size] = item[high] - item[low];
        } else item[low] = item[high] - (item[size] || 0);
      }
      if (channels[centre]) item[low] = item[centre] - (item[size] || 0) / 2;
    }
  }

  // What Vega's runtime asks for, as the option `expr`.
  return {
    operator(context, { ast }) {
      const of = closure(ast, context.functions);
      return (params) => of({ params });
    },
    parameter(context, { ast }) {
      const of = closure(ast, context.functions);
      return (datum, params) => of({ params, datum });
    },
    event(context, { ast }) {
      const of = closure(ast, context.functions);
      return (event) => of({ event });
    },
    handler(context, { ast }) {
      const of = closure(ast, context.functions);
      return (params, event) => of({ params, event, datum: event.item && event.item.datum });
    },
    encode(context, { marktype, channels }) {
      const all = Object.entries(channels).map(([name, { ast }]) => [name, closure(ast, context.functions)]);
      const isBox = ["group", "image", "rect"].includes(marktype), isRule = marktype === "rule";
      return (item, params) => {
        const scope = { params, datum: item.datum, event: undefined, item };
        let isChanged = 0;
        for (const [name, of] of all) {
          const value = of(scope);
          if (item[name] !== value) { item[name] = value; isChanged = 1; }
        }
        if (!isRule) settle(item, channels, isBox);
        return isChanged;
      };
    },
  };
})();
