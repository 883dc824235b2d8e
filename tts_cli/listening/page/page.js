// Flow of a listening test: welcome, training pages, test pages, end.

import { element, paragraphs } from "./elements.js";
import { Connection, Keeper, Outbox, Refused } from "./exchange.js";
import { hash, orderOfPages, orderOfStimuli } from "./order.js";
import { RatingPage } from "./test-page.js";

const main = document.getElementById("main");
const LONGEST_NAME = 200;
// A web server without our API answers one of these to a request for it.
const WITHOUT_API = [404, 405, 501];

/** Show the content of a page and move the focus to its heading, text or nodes, so that assistive technology reads it. */
function show(heading, ...content) {
  const title = element("h1", { tabindex: "-1" }, ...[heading].flat());
  main.replaceChildren(title, ...content.filter(Boolean));
  scrollTo(0, 0);
  title.focus({ preventScroll: true });
}

function showConnection(seconds) {
  const text =
    seconds === null
      ? ""
      : `The server cannot be reached. Your answers are kept on this device; next try in ${Math.ceil(seconds)} s.`;
  const banner = document.getElementById("connection");
  banner.classList.toggle("failing", seconds !== null);
  if (seconds === null) banner.replaceChildren();
  else banner.replaceChildren(text, " ", element("button", { type: "button", onclick: () => connection.retryNow() }, "Try now"));
}

const connection = new Connection(showConnection);

/** Token of 128 random bits in hexadecimal. */
function newToken() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Test of one listener. */
class Listening {
  constructor(test, session, keeper, hasServer) {
    Object.assign(this, { test, keeper, hasServer });
    this.token = session.token;
    this.problems = [];
    this.outbox = hasServer ? new Outbox(connection, keeper, (error) => this._refused(error)) : null;
    const kept = keeper.get("state", { begun: false, finished: false, answers: [] });
    this.name = session.name || kept.name || "";
    const waiting = (this.outbox?.waiting ?? []).flatMap((one) => one.body.answers ?? []);
    const waitsFor = (path) => this.outbox?.waiting.some((one) => one.path === path) ?? false;
    this.begun = session.begun || kept.begun || waitsFor("api/consent");
    this.finished = session.finished || kept.finished || waitsFor("api/finish");
    this.answers = new Map();
    for (const row of [...(hasServer ? session.answers : kept.answers), ...waiting]) this._take(row);
    this.order = orderOfPages(test.pages, test.seed, this.token);
  }

  _take(row) {
    this.answers.set(row.page, [...(this.answers.get(row.page) ?? []).filter((one) => one.stimulus !== row.stimulus), row]);
  }

  _refused(error) {
    // The listener finished on another page of this test: the answers that the server has stand.
    if (error instanceof Refused && error.status === 409) {
      this.finished = true;
      return;
    }
    this.problems.push(error.message);
    const problem = `The server refused an answer (${error.message}). Please tell the person who invited you.`;
    document.getElementById("problem").textContent = problem;
  }

  _keep() {
    if (this.hasServer) return;
    this.keeper.set("state", { begun: this.begun, finished: this.finished, name: this.name, answers: this.rows() });
  }

  rows() {
    return [...this.answers.values()].flat();
  }

  begin(name) {
    Object.assign(this, { name, begun: true });
    this.outbox?.add("api/consent", { token: this.token, name });
    this._keep();
    this.next();
  }

  record(rows) {
    const answered = new Date().toISOString();
    for (const row of rows) this._take({ ...row, answered });
    this.outbox?.add("api/answers", { token: this.token, answers: rows });
    this._keep();
    this.next();
  }

  /** Show the first page without an answer, or the end. */
  next() {
    const index = this.order.findIndex((page) => !this.answers.has(page.id));
    if (this.finished || index < 0) this.end();
    else this.showPage(index);
  }

  showPage(index) {
    const page = this.order[index];
    const trainings = this.order.filter((one) => one.role === "training").length;
    const place =
      index < trainings
        ? `Practice page ${index + 1} of ${trainings}`
        : `Page ${index - trainings + 1} of ${this.order.length - trainings}`;
    showProgress(this.test.title, place, index, this.order.length);
    const order = (one) => orderOfStimuli(one, this.test.seed, this.token);
    const upcoming = this.order.slice(index + 1).find((one) => !this.answers.has(one.id));
    const opened = new RatingPage({
      test: this.test,
      page,
      order: order(page),
      position: index,
      place,
      upcoming,
      connection,
      keeper: this.keeper,
      show,
      ondone: (rows) => this.record(rows),
    }).open();
    opened.catch((error) => {
      const again = element("button", { type: "button", class: "primary", onclick: () => this.next() }, "Try again");
      const reason = element("p", { role: "alert" }, `Reason: ${error.message}. Please tell the person who invited you.`);
      show("The sounds of this page cannot be played", reason, again);
    });
  }

  async end() {
    if (!this.finished) {
      this.finished = true;
      this.outbox?.add("api/finish", { token: this.token });
      this._keep();
    }
    showProgress(this.test.title, "Finished", 1, 1);
    const download = element("button", { type: "button", onclick: () => this.download() }, "Download my answers");
    const state = element("p", { role: "status" });
    if (!this.outbox) {
      state.textContent = "Download your answers and send the file to the person who invited you.";
      download.classList.add("primary");
      show("Thank you!", element("p", {}, "You have answered all pages."), state, download);
      return;
    }
    state.textContent = "Your answers are being saved. Please keep this page open.";
    show("Thank you!", element("p", {}, "You have answered all pages."), state);
    await this.outbox.send();
    if (this.problems.length) {
      state.textContent = `The server refused some answers (${this.problems.join("; ")}). Please download them and send the file to the person who invited you.`;
      main.append(download);
    } else state.textContent = "All answers are saved. You can close this page.";
  }

  download() {
    const result = {
      format: 1,
      title: this.test.title,
      token: this.token,
      name: this.name,
      finished: this.finished,
      answers: this.rows(),
    };
    const url = URL.createObjectURL(new Blob([JSON.stringify(result, null, 1)], { type: "application/json" }));
    element("a", { href: url, download: `results-${this.token}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }
}

function showProgress(title, place, done, all) {
  document.getElementById("title").textContent = title;
  const box = document.getElementById("progress");
  box.hidden = false;
  Object.assign(box.querySelector("progress"), { value: done, max: all });
  document.getElementById("place").textContent = place;
}

/** Show the first page; `onbegin(name)` is called when the listener agrees, `onerror(error)` if it fails. */
function welcome(test, onbegin, onerror) {
  const name = element("input", { type: "text", id: "name", maxlength: LONGEST_NAME, autocomplete: "off", spellcheck: "false" });
  const begin = element("button", { type: "submit", class: "primary" }, test.consent ? "I agree, begin" : "Begin");
  const form = element(
    "form",
    {},
    element("p", {}, element("label", { for: "name" }, "Your name (optional)"), name),
    element("p", {}, begin),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    begin.disabled = true;
    onbegin(name.value.trim()).catch(onerror);
  });
  const consent = test.consent
    ? element("section", { class: "consent", lang: test.language }, element("h2", { lang: "en" }, "Consent"), ...paragraphs(test.consent))
    : null;
  show(
    test.title,
    element("div", { lang: test.language }, ...paragraphs(test.instructions)),
    element(
      "p",
      { class: "note" },
      `The test has ${test.pages.length} pages. Use headphones in a quiet place. You can stop at any time and go on later on this device.`,
    ),
    consent,
    form,
  );
}

/**
 * Return the session of the listener: from the server, or made here where the web server has no API. `given` is the token of the
 * address, `kept` that of an earlier visit.
 */
async function openSession(given, kept) {
  try {
    return await sessionOf(given ?? kept);
  } catch (error) {
    if (given || !kept || !(error instanceof Refused)) throw error;
    // The server has forgotten the earlier visit.
    return sessionOf(null);
  }
}

async function sessionOf(given) {
  try {
    const session = await connection.json(`api/session${given ? `?token=${encodeURIComponent(given)}` : ""}`);
    return { session, hasServer: true };
  } catch (error) {
    if (!(error instanceof Refused) && !(error instanceof SyntaxError)) throw error;
    if (error instanceof Refused && !WITHOUT_API.includes(error.status)) throw error;
    return { session: { token: given ?? newToken() }, hasServer: false };
  }
}

async function start() {
  const bytes = await connection.fetch("page.json", { cache: "no-store" });
  const text = new TextDecoder().decode(bytes);
  const test = JSON.parse(text);
  document.title = test.title;
  const prefix = `listening-test:${hash(text)}:`;
  const given = new URLSearchParams(location.search).get("token");
  const common = new Keeper(prefix);
  let { session, hasServer } = await openSession(given, common.get("token"));
  const isNew = session.open === true;
  const enter = () => {
    if (!given) common.set("token", session.token);
    return new Listening(test, session, new Keeper(`${prefix}${session.token}:`), hasServer);
  };
  const listening = isNew ? null : enter();
  if (listening) listening.outbox?.send();
  if (listening?.begun) listening.next();
  else {
    welcome(test, async (name) => {
      if (isNew) session = await connection.json("api/join", {});
      (listening ?? enter()).begin(name);
    }, explain);
  }
}

function explain(error) {
  const isRefused = error instanceof Refused && error.status === 403;
  const reason = isRefused ? "This is no valid link to a listening test. Please ask for a new one." : `Reason: ${error.message}`;
  show("The listening test cannot be opened", element("p", {}, reason));
}

start().catch(explain);
