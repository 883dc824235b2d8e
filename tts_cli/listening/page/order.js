// Order of pages and stimuli, drawn from the seed of the test and the token of the listener.

/** Return a hash of 32 bits of `text` (FNV-1a with a final mix). */
export function hash(text) {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/** Return a function that gives numbers from 0 (included) to 1 (excluded), always the same for `text` (mulberry32). */
export function generator(text) {
  let state = hash(text);
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

/** Return a shuffled copy of `items`. */
export function shuffled(items, random) {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}

/**
 * Return the pages in the order of one listener: training pages first, as they stand; then test pages in random order, with
 * attention pages at random places between them, neither first nor last.
 */
export function orderOfPages(pages, seed, token) {
  const random = generator(`pages:${seed}:${token}`);
  const of = (role) => pages.filter((page) => page.role === role);
  const tests = shuffled(of("test"), random);
  const attention = shuffled(of("attention"), random);
  // Gap g lies before test page g.
  const gaps = shuffled([...Array(Math.max(tests.length - 1, 0)).keys()].map((gap) => gap + 1), random);
  const places = attention.map((_, i) => (gaps.length ? gaps[i % gaps.length] : tests.length));
  const mixed = [];
  for (let gap = 0; gap <= tests.length; gap++) {
    mixed.push(...attention.filter((_, i) => places[i] === gap), ...tests.slice(gap, gap + 1));
  }
  return [...of("training"), ...mixed];
}

/** Return the ids of the stimuli of a page in the order of one listener; of two stimuli, the first is A. */
export function orderOfStimuli(page, seed, token) {
  return shuffled(page.stimuli, generator(`stimuli:${seed}:${token}:${page.id}`));
}
