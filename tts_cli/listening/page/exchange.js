// Exchange with the server: requests that are repeated until they arrive, and what this browser keeps meanwhile.

const TIMEOUT_MS = 15000;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;

/** Answer of a server that refuses a request; `status` is its HTTP status. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Values that outlive a reload, under a common prefix. Without localStorage they live as long as the page. */
export class Keeper {
  constructor(prefix) {
    this.prefix = prefix;
    this.values = new Map();
  }

  get(name, otherwise = null) {
    try {
      const text = localStorage.getItem(this.prefix + name);
      if (text !== null) return JSON.parse(text);
    } catch {
      // Storage may be forbidden or full, or hold what another page wrote.
    }
    return this.values.has(name) ? this.values.get(name) : otherwise;
  }

  set(name, value) {
    this.values.set(name, value);
    try {
      localStorage.setItem(this.prefix + name, JSON.stringify(value));
    } catch {
      // See above.
    }
  }

  remove(name) {
    this.values.delete(name);
    try {
      localStorage.removeItem(this.prefix + name);
    } catch {
      // See above.
    }
  }
}

async function once(path, options) {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), TIMEOUT_MS);
  try {
    const response = await fetch(path, { ...options, signal: limit.signal });
    if (response.status >= 500 || response.status === 429) throw new Error(`status ${response.status}`);
    if (!response.ok) throw new Refused(response.status, await reasonOf(response));
    // Read here, so that the time limit holds for the body as well.
    return { bytes: await response.arrayBuffer() };
  } finally {
    clearTimeout(timer);
  }
}

async function reasonOf(response) {
  try {
    return (await response.json()).error;
  } catch {
    return `status ${response.status}`;
  }
}

/** Connection to the server. `onstate(seconds)` tells that it cannot be reached and is tried again; null: it answers. */
export class Connection {
  constructor(onstate = () => {}) {
    this.onstate = onstate;
    this.failing = new Set();
    this.wake = new Set();
    addEventListener("online", () => this.retryNow());
  }

  retryNow() {
    for (const wake of this.wake) wake();
  }

  /** Return the bytes of a response; repeat the request, after growing waits, until there is one. Throws `Refused`. */
  async fetch(path, options = {}) {
    const request = {};
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
      try {
        const { bytes } = await once(path, options);
        this._note(request, null);
        return bytes;
      } catch (error) {
        if (error instanceof Refused) {
          this._note(request, null);
          throw error;
        }
        const delay = wait * (0.75 + Math.random() / 2);
        this._note(request, delay / 1000);
        await this._wait(delay);
      }
    }
  }

  async json(path, body) {
    const headers = { "content-type": "application/json" };
    const options = body === undefined ? {} : { method: "POST", headers, body: JSON.stringify(body) };
    return JSON.parse(new TextDecoder().decode(await this.fetch(path, { cache: "no-store", ...options })));
  }

  _note(request, seconds) {
    if (seconds === null) this.failing.delete(request);
    else this.failing.add(request);
    this.onstate(this.failing.size ? seconds ?? 1 : null);
  }

  _wait(delay) {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.wake.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, delay);
      this.wake.add(wake);
    });
  }
}

/**
 * Requests that wait for the server, in order. They outlive a reload. Each may arrive twice; the server takes it as one.
 * `onrefused(error)` is called if the server refuses one; it is not repeated.
 */
export class Outbox {
  constructor(connection, keeper, onrefused = () => {}) {
    Object.assign(this, { connection, keeper, onrefused, sending: null });
    this.waiting = keeper.get("outbox", []);
  }

  add(path, body) {
    this.waiting.push({ path, body });
    this.keeper.set("outbox", this.waiting);
    this.send();
  }

  /** Send all waiting requests; the promise ends when none is left. */
  send() {
    this.sending ??= this._send().finally(() => (this.sending = null));
    return this.sending;
  }

  async _send() {
    while (this.waiting.length) {
      const { path, body } = this.waiting[0];
      try {
        await this.connection.json(path, body);
      } catch (error) {
        this.onrefused(error);
      }
      this.waiting.shift();
      this.keeper.set("outbox", this.waiting);
    }
  }
}
