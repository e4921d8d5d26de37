"use strict";

const PERIOD = 2000; // ms between an answer and the next question
const PATIENCE = 6000; // ms

let shown = ""; // the answer that is on the page
let trouble = null; // what does not answer, and since when

// Text goes in as text, never as markup: names of services and errors are anybody's.
function element(tag, className, text, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  made.append(...children);
  return made;
}

function taskItem(task) {
  const name = task.slot ? `${task.service}.${task.slot}` : task.service;
  const item = element(
    "li", "task", "",
    element("span", "service", name),
    element("span", "image", task.image),
    element("span", "state", task.state),
  );
  item.dataset.state = task.state;
  if (task.error) item.append(element("span", "error", task.error));
  return item;
}

function card(title, notes, tasks) {
  const list = element("ul", "tasks", "", ...tasks.map(taskItem));
  if (!tasks.length) list.append(element("li", "none", "no tasks"));
  const badges = element("p", "notes", "", ...notes.map((note) => element("span", "note", note)));
  return element("section", "card", "", element("h2", "", title), badges, list);
}

function nodeCard(node) {
  const role = node.leader ? "leader" : node.role;
  const made = card(node.name, [role, node.availability, node.state], node.tasks);
  made.dataset.well = node.state === "ready" && node.availability === "active";
  return made;
}

function count(number, what) {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function show(body) {
  if (body === shown) return; // leaves a selection alone
  const state = JSON.parse(body);
  const cards = state.nodes.map(nodeCard);
  if (state.unplaced.length) cards.push(card("Not placed", ["waiting for a node"], state.unplaced));
  document.getElementById("nodes").replaceChildren(...cards);
  const tasks = [...state.nodes.flatMap((node) => node.tasks), ...state.unplaced];
  const running = tasks.filter((task) => task.state === "running").length;
  document.getElementById("summary").textContent =
    `${count(state.nodes.length, "node")}, ${running} of ${count(tasks.length, "task")} running`;
  shown = body;
}

function say(text) {
  const problem = document.getElementById("problem");
  if (problem.textContent !== text) problem.textContent = text;
  problem.hidden = !text;
  document.getElementById("nodes").classList.toggle("old", Boolean(text));
}

function complain(what, why) {
  if (trouble?.what !== what) trouble = { what, since: new Date().toLocaleString() };
  say(`${what}, since ${trouble.since}: ${why}`);
}

function recover() {
  trouble = null;
  say("");
}

async function refresh() {
  try {
    const response = await fetch("api/state", { signal: AbortSignal.timeout(PATIENCE) });
    const body = await response.text();
    if (response.ok) {
      show(body);
      recover();
    } else {
      complain("The engine does not answer", JSON.parse(body).error);
    }
  } catch (error) {
    complain("The server does not answer", error.message);
  }
  setTimeout(refresh, PERIOD);
}

refresh();
