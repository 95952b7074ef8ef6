// Improvements for browsers that run scripts. Every page works without them.
"use strict";

// The text that a screen reader announces.
const said = document.getElementById("said");

// Copies a text to the clipboard. Pages that were loaded without TLS have no navigator.clipboard.
async function copy(source) {
  if (navigator.clipboard) return navigator.clipboard.writeText(source.textContent.trim());
  getSelection().selectAllChildren(source);
  if (!document.execCommand("copy")) throw new Error("not copied");
}

// Buttons that copy the element that data-copy names. If copying fails, the element is selected instead.
for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  if (!source) continue;
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    try {
      await copy(source);
    } catch {
      getSelection().selectAllChildren(source);
      return;
    }
    button.textContent = said.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; said.textContent = ""; }, 2000);
  });
}

// Pressing a button twice sends the form once. After three seconds a second press counts: the first may have got no answer.
for (const form of document.querySelectorAll("form[method=post]")) {
  let last = -Infinity;
  form.addEventListener("submit", (event) => {
    const now = performance.now();
    if (now - last < 3000) event.preventDefault();
    else last = now;
  });
  addEventListener("pageshow", () => { last = -Infinity; });
}

// Screen readers read the list of errors first.
const errors = document.getElementById("errors");
if (errors) errors.focus();

// Choosing a set of rights clears the single rights, and ticking one of them chooses "only what is ticked".
for (const some of document.querySelectorAll("input[name=scope][value=some]")) {
  const field = some.closest("fieldset");
  const boxes = field.querySelectorAll("input[name=scope][type=checkbox]");
  for (const set of field.querySelectorAll("input[name=scope][type=radio]")) {
    if (set !== some) set.addEventListener("change", () => { for (const box of boxes) box.checked = false; });
  }
  for (const box of boxes) box.addEventListener("change", () => { if (box.checked) some.checked = true; });
}

// A list of time zones that no one has chosen from begins with that of the browser.
for (const zones of document.querySelectorAll("select[data-zone]")) {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zones.value && own && [...zones.options].some((o) => o.value === own)) zones.value = own;
}

// So does the address of the blog, unless this browser is on the server's own machine.
for (const field of document.querySelectorAll("input[data-address]")) {
  const here = location.hostname;
  if (!/(^|\.)localhost$|^127\.|^\[/.test(here)) field.value = location.origin + location.pathname.replace(/\/[^/]*$/, "");
}

// Buttons that ask for confirmation.
for (const button of document.querySelectorAll("button[data-confirm]")) {
  button.addEventListener("click", (event) => {
    if (!confirm(button.dataset.confirm)) event.preventDefault();
  });
}

// Passkeys: the server sends a challenge, the browser signs it, and the form carries the answer.
for (const form of document.querySelectorAll("form[data-passkey]")) {
  const known = window.PublicKeyCredential;
  if (!known || !known.parseCreationOptionsFromJSON || !known.parseRequestOptionsFromJSON) continue;
  form.hidden = false;
  const failed = form.querySelector("[data-failed]");
  form.querySelector("button").addEventListener("click", async () => {
    failed.textContent = "";
    try {
      const asked = await fetch(form.dataset.begin, { method: "POST", headers: { Accept: "application/json" } });
      if (!asked.ok) throw new Error(asked.statusText);
      const options = await asked.json();
      const answer = form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: known.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: known.parseRequestOptionsFromJSON(options) });
      form.elements.answer.value = JSON.stringify(answer.toJSON());
      form.submit();
    } catch {
      failed.textContent = failed.dataset.failed;
    }
  });
}
